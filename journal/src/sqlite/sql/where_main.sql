WHERE org = ?1 AND kind = ?2 AND id = ?3 AND sequence_number > ?4 AND owner_id IS NULL
ORDER BY sequence_number
LIMIT ?5
