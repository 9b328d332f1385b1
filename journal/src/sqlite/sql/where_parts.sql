INDEXED BY events_of_parts
WHERE org = ?3 AND owner_kind = ?4 AND owner_id = ?5 AND owner_id IS NOT NULL AND place > ?6
ORDER BY place
LIMIT ?2 + 0
