-- $1: JSON list of [org, id]. CROSS JOIN keeps the order of the loops: the keys outside, the index inside.
SELECT i.org, i.id, i.version, i.record, i.occurred_at, i.recorded_at
FROM json_each($1) AS key CROSS JOIN incidents AS i ON i.org = key.value ->> 0 AND i.id = key.value ->> 1
