SELECT due FROM timers WHERE consumed = 0 AND (?1 >> partition) & 1 ORDER BY due LIMIT 1
