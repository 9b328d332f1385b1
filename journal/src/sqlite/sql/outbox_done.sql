DELETE FROM outbox WHERE effect_id = ?1 AND partition = ?2
