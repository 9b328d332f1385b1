-- A look without locks, so that a partition that another node holds and appends to makes nobody wait.
SELECT partition FROM leases
WHERE (node IS NULL OR node = $1 OR expires_at <= clock_timestamp())
    AND ($2::smallint[] IS NULL OR partition = ANY ($2))
ORDER BY partition
