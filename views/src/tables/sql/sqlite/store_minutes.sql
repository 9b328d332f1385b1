-- $1: JSON list of rows.
INSERT INTO dispatch_minutes (org, minute, region, severity, unit_type, record)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM json_each($1) WHERE true
ON CONFLICT (org, minute, region, severity, unit_type) DO UPDATE SET record = excluded.record
