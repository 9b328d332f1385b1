SELECT occurred_at, partition, position FROM policy_work
WHERE org = $1 AND scope = $2 AND occurred_at >= $3 AND occurred_at < $4
ORDER BY occurred_at, partition, position LIMIT $5
