-- A bounded piece of the index per partition, and the first of all pieces.
SELECT o.effect_id, o.partition, o.position, o.reactor, o.org, o.target, o.channel, o.class, o.payload, o.correlation_id,
    o.causation_id, o.traceparent, o.state, o.attempts, o.not_before, o.last_error
FROM unnest($1::smallint[]) p (partition)
CROSS JOIN LATERAL (
    SELECT * FROM outbox o
    WHERE o.partition = p.partition AND o.state = 0 AND o.not_before <= $2
    ORDER BY o.not_before, o.position, o.effect_id
    LIMIT $3
) o
ORDER BY o.not_before, o.partition, o.position, o.effect_id
LIMIT $3
