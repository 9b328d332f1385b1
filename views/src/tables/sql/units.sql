SELECT org, id, version, record, occurred_at, recorded_at FROM units
WHERE org = $1 AND id > $2 /*filter*/ ORDER BY id LIMIT $3
