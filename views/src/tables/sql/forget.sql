DELETE FROM checkpoints WHERE view = $1
