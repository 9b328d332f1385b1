INSERT INTO checkpoints (view, partition, version, position) VALUES ($1, $2, $3, 0)
