-- $1: JSON list of [org, minute, region, severity, unit_type]. CROSS JOIN keeps the order of the loops: the keys outside, the
-- index inside.
SELECT m.org, m.minute, m.region, m.severity, m.unit_type, m.record
FROM json_each($1) AS key CROSS JOIN dispatch_minutes AS m
    ON m.org = key.value ->> 0 AND m.minute = key.value ->> 1 AND m.region = key.value ->> 2
    AND m.severity = key.value ->> 3 AND m.unit_type = key.value ->> 4
