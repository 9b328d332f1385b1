SELECT partition, org, kind, id, name, due, policy, armed, consumed
FROM timers
WHERE org = $1 AND kind = $2 AND id = $3
ORDER BY name
