DELETE FROM dead_letters WHERE letter = ?1
