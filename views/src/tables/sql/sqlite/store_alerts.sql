-- $1: JSON list of rows. What the first event fixed for ever is not written again.
INSERT INTO alert_rows (org, kind, id, created_at, topic, status, record)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
FROM json_each($1) WHERE true
ON CONFLICT (org, kind, id) DO UPDATE SET status = excluded.status, record = excluded.record
