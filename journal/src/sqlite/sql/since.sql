-- The last position between ?2 and ?3 that was recorded before ?4 (or ?2): `recorded_at` never decreases within a
-- partition and positions have no gaps, so the halves can be told apart by one look at the middle.
WITH RECURSIVE bisect (low, high) AS (
    SELECT ?2, ?3
    UNION ALL
    SELECT
        CASE WHEN early THEN middle ELSE low END,
        CASE WHEN early THEN high ELSE middle - 1 END
    FROM (
        SELECT low, high, (low + high + 1) / 2 AS middle,
            (SELECT e.recorded_at FROM events e WHERE e.place = (?1 << 48) + (low + high + 1) / 2) < ?4 AS early
        FROM bisect
    )
    WHERE low < high
)
SELECT max(low) FROM bisect
