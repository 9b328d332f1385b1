SELECT coalesce(c.position, 0)
FROM heads h LEFT JOIN reactor_checkpoints c ON c.partition = h.partition AND c.reactor = $1
ORDER BY h.partition
