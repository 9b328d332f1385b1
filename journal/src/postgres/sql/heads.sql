SELECT coalesce((SELECT e.position FROM events e WHERE e.partition = h.partition ORDER BY e.position DESC LIMIT 1), 0)
FROM heads h
ORDER BY h.partition
