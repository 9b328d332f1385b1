UPDATE leases
SET expires_at = CAST(unixepoch('subsec') * 1000000 AS INTEGER) + ?4
WHERE partition = ?1 AND node = ?2 AND (SELECT h.epoch FROM heads h WHERE h.partition = ?1) = ?3
