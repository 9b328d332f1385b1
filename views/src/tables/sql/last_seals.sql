SELECT first_sequence, previous, seals FROM audit_seals
WHERE org = $1 AND partition = $2 ORDER BY last_position DESC LIMIT 1
