SELECT count(*) FROM outbox WHERE org = ?1 AND state = ?2
