-- $1: JSON list of rows. What the first event fixed for ever is not written again.
INSERT INTO incidents (org, id, created_at, zone, status, priority, archived, version, record, occurred_at, recorded_at)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10
FROM json_each($1) WHERE true
ON CONFLICT (org, id) DO UPDATE SET
    status = excluded.status, priority = excluded.priority, archived = excluded.archived, version = excluded.version,
    record = excluded.record, occurred_at = excluded.occurred_at, recorded_at = excluded.recorded_at
