-- ?1 has a bit per wanted partition.
SELECT partition, org, kind, id, name, due, policy, armed, consumed
FROM timers
WHERE consumed = 0 AND due <= ?2 AND (due, org, kind, id, name) > (?3, ?4, ?5, ?6, ?7) AND (?1 >> partition) & 1
ORDER BY due, org, kind, id, name
LIMIT ?8 + 0
