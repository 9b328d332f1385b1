INSERT INTO workflows (org, id, machine, terminal_states, state, terminal, version, attributes, occurred_at, recorded_at)
SELECT * FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[], $7::bigint[], $8::text[], $9::bigint[], $10::bigint[])
ON CONFLICT (org, id) DO UPDATE SET
    state = excluded.state, terminal = excluded.terminal, version = excluded.version,
    occurred_at = excluded.occurred_at, recorded_at = excluded.recorded_at
