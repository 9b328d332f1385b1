SELECT letter, org, kind, id, command_id, command, meta, fault, panics, parked_at
FROM dead_letters
WHERE ($1::text IS NULL OR org = $1) AND ($2::uuid IS NULL OR letter > $2)
ORDER BY letter
LIMIT $3
