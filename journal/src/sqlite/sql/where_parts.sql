INDEXED BY events_of_parts
WHERE org = ?1 AND owner_kind = ?2 AND owner_id = ?3 AND owner_id IS NOT NULL AND place > ?4 AND place < ?5
ORDER BY place
LIMIT ?6
