SELECT state_schema, reducer, version, position, occurred_at, recorded_at, state
FROM snapshots
WHERE org = $1 AND kind = $2 AND id = $3
