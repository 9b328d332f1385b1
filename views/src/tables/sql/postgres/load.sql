SELECT w.org, w.id, w.machine, w.terminal_states, w.assigning_states, w.state, w.terminal, w.version, w.attributes, w.occurred_at, w.recorded_at
FROM UNNEST($1::text[], $2::text[]) AS key (org, id) JOIN workflows AS w ON w.org = key.org AND w.id = key.id
