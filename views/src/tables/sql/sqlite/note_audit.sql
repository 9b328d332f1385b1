-- $1: JSON list of rows.
INSERT INTO policy_audit (org, seq, node, time, record)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each($1) WHERE true
ON CONFLICT DO NOTHING
