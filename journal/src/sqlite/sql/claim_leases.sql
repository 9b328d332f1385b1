UPDATE leases
SET node = ?1, expires_at = CAST(unixepoch('subsec') * 1000000 AS INTEGER) + ?2
WHERE (?3 >> partition & 1) AND (node IS NULL OR node = ?1 OR expires_at <= CAST(unixepoch('subsec') * 1000000 AS INTEGER))
RETURNING partition
