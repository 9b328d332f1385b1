INDEXED BY events_by_stream
WHERE org = ?4 AND kind = ?5 AND id = ?6 AND place > ?1 AND place <= ?3
    AND (?7 IS NULL OR coalesce(owner_kind, kind) IN (SELECT value FROM json_each(?7)))
ORDER BY sequence_number
LIMIT ?2 + 0
