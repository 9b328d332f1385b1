INSERT INTO dispatch_minutes (org, minute, region, severity, unit_type, record)
SELECT * FROM UNNEST($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::text[])
ON CONFLICT (org, minute, region, severity, unit_type) DO UPDATE SET record = excluded.record
