SELECT letter, org, kind, id, command_id, command, meta, fault, panics, parked_at
FROM dead_letters
WHERE letter > ?2 AND (?1 IS NULL OR org = ?1)
ORDER BY letter
LIMIT ?3 + 0
