WHERE place > ?1 AND place <= ?3 AND (?4 IS NULL OR org = ?4) AND (?5 IS NULL OR kind = ?5)
    AND (?6 IS NULL OR coalesce(owner_kind, kind) IN (SELECT value FROM json_each(?6)))
ORDER BY place
LIMIT ?2 + 0
