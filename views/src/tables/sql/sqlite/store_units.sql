-- $1: JSON list of rows.
INSERT INTO units (org, id, unit_type, status, version, record, occurred_at, recorded_at)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7
FROM json_each($1) WHERE true
ON CONFLICT (org, id) DO UPDATE SET
    unit_type = excluded.unit_type, status = excluded.status, version = excluded.version,
    record = excluded.record, occurred_at = excluded.occurred_at, recorded_at = excluded.recorded_at
