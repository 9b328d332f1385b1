SELECT EXISTS (SELECT 1 FROM heads WHERE partition = ?1 AND epoch = ?2)
