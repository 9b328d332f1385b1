WITH mine AS (
    SELECT l.partition FROM leases l
    JOIN unnest($2::smallint[], $3::bigint[]) AS claimed (partition, epoch) USING (partition)
    WHERE l.node = $1 AND l.epoch = claimed.epoch
    ORDER BY l.partition
    FOR NO KEY UPDATE OF l
)
UPDATE leases l
SET node = NULL, expires_at = clock_timestamp()
FROM mine
WHERE l.partition = mine.partition
