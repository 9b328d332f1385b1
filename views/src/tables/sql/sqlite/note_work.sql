-- $1: JSON list of rows.
INSERT INTO policy_work (org, scope, occurred_at, partition, position)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each($1) WHERE true
ON CONFLICT DO NOTHING
