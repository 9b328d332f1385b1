SELECT letter, org, kind, id, command_id, command, meta, fault, panics, parked_at FROM dead_letters WHERE letter = ?1
