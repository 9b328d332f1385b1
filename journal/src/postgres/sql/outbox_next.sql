SELECT min(first.not_before)
FROM unnest($1::smallint[]) p (partition)
CROSS JOIN LATERAL (
    SELECT o.not_before FROM outbox o WHERE o.partition = p.partition AND o.state = 0 ORDER BY o.not_before LIMIT 1
) first
