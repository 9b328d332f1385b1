INSERT INTO policy_audit (org, seq, node, time, record)
SELECT * FROM UNNEST($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::text[])
ON CONFLICT DO NOTHING
