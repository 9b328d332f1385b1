-- No row is changed if ?11 others of the organisation are there.
INSERT INTO dead_letters (letter, org, kind, id, command_id, command, meta, fault, panics, parked_at)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10
WHERE (SELECT count(*) FROM dead_letters WHERE org = ?2 AND letter <> ?1) < ?11
ON CONFLICT (letter) DO UPDATE SET
    org = excluded.org, kind = excluded.kind, id = excluded.id, command_id = excluded.command_id, command = excluded.command,
    meta = excluded.meta, fault = excluded.fault, panics = excluded.panics, parked_at = excluded.parked_at
