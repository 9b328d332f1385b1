UPDATE leases SET node = NULL, expires_at = 0
WHERE partition = ?1 AND node = ?2 AND (SELECT epoch FROM heads WHERE heads.partition = leases.partition) = ?3
