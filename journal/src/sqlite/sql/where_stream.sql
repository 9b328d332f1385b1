WHERE org = ?1 AND kind = ?2 AND id = ?3 AND sequence_number > ?4
ORDER BY sequence_number
LIMIT ?5
