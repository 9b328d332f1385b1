UPDATE outbox SET state = 2 WHERE partition = ?1 AND state = 1
