INSERT INTO units (org, id, unit_type, status, version, record, occurred_at, recorded_at)
SELECT * FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::bigint[], $8::bigint[])
ON CONFLICT (org, id) DO UPDATE SET
    unit_type = excluded.unit_type, status = excluded.status, version = excluded.version,
    record = excluded.record, occurred_at = excluded.occurred_at, recorded_at = excluded.recorded_at
