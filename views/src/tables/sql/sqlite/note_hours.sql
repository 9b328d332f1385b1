-- $1: JSON list of rows.
INSERT INTO policy_work_hours AS known (org, scope, hour, works)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each($1) WHERE true
ON CONFLICT (org, scope, hour) DO UPDATE SET works = known.works + excluded.works
