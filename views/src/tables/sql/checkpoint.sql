UPDATE checkpoints
SET position = $3, event_position = coalesce($4, event_position), event_id = coalesce($5, event_id)
WHERE view = $1 AND partition = $2
