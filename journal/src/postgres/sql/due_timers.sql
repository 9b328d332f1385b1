-- A bounded piece of the index per partition, and the first of all pieces.
SELECT t.partition, t.org, t.kind, t.id, t.name, t.due, t.policy, t.armed, t.consumed
FROM unnest($1::smallint[]) p (partition)
CROSS JOIN LATERAL (
    SELECT * FROM timers t
    WHERE t.partition = p.partition AND NOT t.consumed AND t.due <= $2 AND (t.due, t.org, t.kind, t.id, t.name) > ($3, $4, $5, $6, $7)
    ORDER BY t.due, t.org, t.kind, t.id, t.name
    LIMIT $8
) t
ORDER BY t.due, t.org, t.kind, t.id, t.name
LIMIT $8
