INSERT INTO alert_rows (org, kind, id, created_at, topic, status, record)
SELECT * FROM UNNEST($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[])
ON CONFLICT (org, kind, id) DO UPDATE SET status = excluded.status, record = excluded.record
