WHERE place > ?1 AND place <= ?3
ORDER BY place
LIMIT ?2 + 0
