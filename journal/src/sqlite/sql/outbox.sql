SELECT effect_id, partition, position, reactor, org, target, channel, class, payload, correlation_id, causation_id, traceparent,
    state, attempts, not_before, last_error
FROM outbox
WHERE effect_id > ?3 AND (?1 IS NULL OR org = ?1) AND (?2 IS NULL OR state = ?2)
ORDER BY effect_id
LIMIT ?4 + 0
