SELECT first_sequence, previous, seals FROM audit_seals
WHERE org = $1 AND partition = $2 AND last_position >= $3 ORDER BY last_position LIMIT $4
