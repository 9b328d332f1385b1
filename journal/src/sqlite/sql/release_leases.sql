UPDATE leases SET node = NULL, expires_at = 0 WHERE node = ?1
