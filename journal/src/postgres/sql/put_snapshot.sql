INSERT INTO snapshots AS old (org, kind, id, state_schema, reducer, version, position, occurred_at, recorded_at, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (org, kind, id) DO UPDATE
SET state_schema = excluded.state_schema, reducer = excluded.reducer, version = excluded.version,
    position = excluded.position, occurred_at = excluded.occurred_at, recorded_at = excluded.recorded_at,
    state = excluded.state
WHERE old.version <= excluded.version OR old.reducer <> excluded.reducer
