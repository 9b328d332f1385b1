SELECT not_before FROM outbox WHERE state = 0 AND (?1 >> partition) & 1 ORDER BY not_before LIMIT 1
