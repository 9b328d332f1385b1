-- $1: JSON list of [org, id]. CROSS JOIN keeps the order of the loops: the keys outside, the index inside.
SELECT w.org, w.id, w.machine, w.terminal_states, w.assigning_states, w.state, w.terminal, w.version, w.attributes, w.occurred_at, w.recorded_at
FROM json_each($1) AS key CROSS JOIN workflows AS w ON w.org = key.value ->> 0 AND w.id = key.value ->> 1
