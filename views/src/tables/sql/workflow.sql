SELECT org, id, machine, terminal_states, assigning_states, state, terminal, version, attributes, occurred_at, recorded_at
FROM workflows WHERE org = $1 AND id = $2
