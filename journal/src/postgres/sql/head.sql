SELECT coalesce((SELECT e.position FROM events e WHERE e.partition = $1 ORDER BY e.position DESC LIMIT 1), 0)
