INSERT INTO incidents (org, id, created_at, zone, status, priority, archived, version, record, occurred_at, recorded_at)
SELECT * FROM UNNEST($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::text[], $10::bigint[], $11::bigint[])
ON CONFLICT (org, id) DO UPDATE SET
    status = excluded.status, priority = excluded.priority, archived = excluded.archived, version = excluded.version,
    record = excluded.record, occurred_at = excluded.occurred_at, recorded_at = excluded.recorded_at
