INDEXED BY events_by_stream
WHERE org = ?4 AND kind = ?5 AND id = ?6 AND place > ?1 AND place <= ?3
ORDER BY sequence_number
LIMIT ?2 + 0
