INSERT INTO policy_work_hours AS known (org, scope, hour, works)
SELECT * FROM UNNEST($1::text[], $2::text[], $3::bigint[], $4::bigint[])
ON CONFLICT (org, scope, hour) DO UPDATE SET works = known.works + excluded.works
