-- The receipts of what the rows ask for; the first column says which row.
WITH wanted (n, org, kind, id, command_id) AS (VALUES /*rows*/)
SELECT w.n, r.body_hash, r.version, r.position, r.events, r.recorded_at
FROM wanted w CROSS JOIN receipts r ON r.org = w.org AND r.kind = w.kind AND r.id = w.id AND r.command_id = w.command_id
