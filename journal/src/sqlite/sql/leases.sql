SELECT l.partition, h.epoch, l.node, max(0, l.expires_at - CAST(unixepoch('subsec') * 1000000 AS INTEGER))
FROM leases l JOIN heads h USING (partition)
ORDER BY l.partition
