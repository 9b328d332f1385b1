INSERT INTO outbox (
    effect_id, partition, position, reactor, org, target, channel, class, payload, correlation_id, causation_id, traceparent,
    state, attempts, not_before
) VALUES /*rows*/
ON CONFLICT (effect_id) DO NOTHING
