SELECT org, minute, region, severity, unit_type, record FROM dispatch_minutes
WHERE org = $1 AND minute >= $2 AND minute < $3 ORDER BY minute, region, severity, unit_type LIMIT $4
