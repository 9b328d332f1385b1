-- $1: JSON list of [org, id]. CROSS JOIN keeps the order of the loops: the keys outside, the index inside.
SELECT u.org, u.id, u.version, u.record, u.occurred_at, u.recorded_at
FROM json_each($1) AS key CROSS JOIN units AS u ON u.org = key.value ->> 0 AND u.id = key.value ->> 1
