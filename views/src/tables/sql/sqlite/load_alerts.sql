-- $1: JSON list of [org, kind, id]. CROSS JOIN keeps the order of the loops: the keys outside, the index inside.
SELECT a.org, a.kind, a.id, a.record
FROM json_each($1) AS key
CROSS JOIN alert_rows AS a ON a.org = key.value ->> 0 AND a.kind = key.value ->> 1 AND a.id = key.value ->> 2
