-- A reactor that has not begun stands at 0. No row is changed if it stands elsewhere than at ?3.
INSERT INTO reactor_checkpoints (reactor, partition, position)
SELECT ?1, ?2, ?4
WHERE ?3 = coalesce((SELECT position FROM reactor_checkpoints WHERE reactor = ?1 AND partition = ?2), 0)
ON CONFLICT (reactor, partition) DO UPDATE SET position = excluded.position
