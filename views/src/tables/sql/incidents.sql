SELECT org, id, version, record, occurred_at, recorded_at FROM incidents
WHERE org = $1 AND archived = 0 AND (created_at, id) < ($2, $3) /*filter*/
ORDER BY created_at DESC, id DESC LIMIT $4
