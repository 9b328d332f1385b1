-- The last position between ?2 and ?3 that was recorded before ?4 (or ?2): `recorded_at` never decreases within a
-- partition and positions have no gaps, so the halves can be told apart by one look at the middle.
WITH RECURSIVE bisect (low, high) AS (
    SELECT ?2, ?3
    UNION ALL
    SELECT
        CASE WHEN (SELECT e.recorded_at FROM events e WHERE e.place = (?1 << 48) + (low + high + 1) / 2) < ?4
            THEN (low + high + 1) / 2 ELSE low END,
        CASE WHEN (SELECT e.recorded_at FROM events e WHERE e.place = (?1 << 48) + (low + high + 1) / 2) < ?4
            THEN high ELSE (low + high + 1) / 2 - 1 END
    FROM bisect
    WHERE low < high
)
SELECT max(low) FROM bisect
