WHERE org = ?3 AND kind = ?4 AND id = ?5 AND sequence_number > ?1
ORDER BY sequence_number
LIMIT ?2 + 0
