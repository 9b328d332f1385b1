INSERT INTO attempts (org, at, dispatch, number, channel, record)
SELECT * FROM UNNEST($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::text[])
ON CONFLICT (org, at, dispatch, number) DO UPDATE SET record = excluded.record
