INSERT INTO workflows (org, id, machine, terminal_states, assigning_states, state, terminal, version, attributes, occurred_at, recorded_at)
SELECT * FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[], $8::bigint[], $9::text[], $10::bigint[], $11::bigint[])
ON CONFLICT (org, id) DO UPDATE SET
    state = excluded.state, terminal = excluded.terminal, version = excluded.version,
    occurred_at = excluded.occurred_at, recorded_at = excluded.recorded_at
