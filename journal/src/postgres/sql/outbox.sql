SELECT effect_id, partition, position, reactor, org, target, channel, class, payload, correlation_id, causation_id, traceparent,
    state, attempts, not_before, last_error
FROM outbox
WHERE ($1::text IS NULL OR org = $1) AND ($2::smallint IS NULL OR state = $2) AND ($3::uuid IS NULL OR effect_id > $3)
ORDER BY effect_id
LIMIT $4
