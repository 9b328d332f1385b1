-- ?1 has a bit per wanted partition.
SELECT effect_id, partition, position, reactor, org, target, channel, class, payload, correlation_id, causation_id, traceparent,
    state, attempts, not_before, last_error
FROM outbox
WHERE state = 0 AND not_before <= ?2 AND (?1 >> partition) & 1
ORDER BY not_before, partition, position, effect_id
LIMIT ?3 + 0
