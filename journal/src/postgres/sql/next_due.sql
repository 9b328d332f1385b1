SELECT min(first.due)
FROM unnest($1::smallint[]) p (partition)
CROSS JOIN LATERAL (
    SELECT t.due FROM timers t WHERE t.partition = p.partition AND NOT t.consumed ORDER BY t.due LIMIT 1
) first
