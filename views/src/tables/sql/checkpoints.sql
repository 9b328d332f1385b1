SELECT partition, version, position, event_position, event_id FROM checkpoints WHERE view = $1 ORDER BY partition
