SELECT m.org, m.minute, m.region, m.severity, m.unit_type, m.record
FROM UNNEST($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::text[]) AS key (org, minute, region, severity, unit_type)
JOIN dispatch_minutes AS m USING (org, minute, region, severity, unit_type)
