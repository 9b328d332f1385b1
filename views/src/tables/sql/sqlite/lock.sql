SELECT version, position FROM checkpoints WHERE view = $1 AND partition = $2
