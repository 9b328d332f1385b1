SELECT count(*) FROM workflows WHERE org = $1 /*filter*/
