SELECT wanted.nth, r.body_hash, r.version, r.partition, r.position, r.events, r.recorded_at
FROM unnest($4::uuid[]) WITH ORDINALITY AS wanted (command_id, nth)
CROSS JOIN LATERAL (
    SELECT * FROM receipts r
    WHERE r.org = $1 AND r.kind = $2 AND r.id = $3 AND r.command_id = wanted.command_id
    LIMIT 1
) r
