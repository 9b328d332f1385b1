UPDATE heads SET epoch = epoch + 1 WHERE partition = ?1 RETURNING epoch
