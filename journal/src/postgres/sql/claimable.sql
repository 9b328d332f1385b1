-- A look without locks, so that a partition that another node holds and appends to makes nobody wait.
SELECT partition FROM leases
WHERE node IS NULL OR node = $1 OR expires_at <= clock_timestamp()
ORDER BY partition
