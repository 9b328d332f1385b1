INSERT INTO policy_work (org, scope, occurred_at, partition, position)
SELECT * FROM UNNEST($1::text[], $2::text[], $3::bigint[], $4::integer[], $5::bigint[])
ON CONFLICT DO NOTHING
