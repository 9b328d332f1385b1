-- $1: JSON list of rows. What the first event fixed for ever is not written again: an index is touched for each column
-- that is named, be its value the same.
INSERT INTO workflows (org, id, machine, terminal_states, assigning_states, state, terminal, version, attributes, occurred_at, recorded_at)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10
FROM json_each($1) WHERE true
ON CONFLICT (org, id) DO UPDATE SET
    state = excluded.state, terminal = excluded.terminal, version = excluded.version,
    occurred_at = excluded.occurred_at, recorded_at = excluded.recorded_at
