UPDATE timers SET consumed = 1
WHERE org = ?1 AND kind = ?2 AND id = ?3 AND name = ?4 AND partition = ?5 AND armed = ?6 AND consumed = 0
