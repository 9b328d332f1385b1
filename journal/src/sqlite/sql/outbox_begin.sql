UPDATE outbox SET state = 1, attempts = attempts + 1 WHERE effect_id = ?1 AND partition = ?2 AND state = 0
