INSERT INTO audit_seals (org, partition, last_position, first_sequence, previous, seals) VALUES ($1, $2, $3, $4, $5, $6)
