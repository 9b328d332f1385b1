WITH mine AS (
    SELECT l.partition FROM leases l WHERE l.node = $1 ORDER BY l.partition FOR NO KEY UPDATE
)
UPDATE leases l
SET node = NULL, expires_at = clock_timestamp()
FROM mine
WHERE l.partition = mine.partition
