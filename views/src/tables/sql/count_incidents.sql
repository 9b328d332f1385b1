SELECT count(*) FROM incidents WHERE org = $1 AND archived = 0 /*filter*/
