SELECT org, kind, id, record FROM alert_rows
WHERE org = $1 AND kind = $2 AND (created_at, id) < ($3, $4) /*filter*/
ORDER BY created_at DESC, id DESC LIMIT $5
