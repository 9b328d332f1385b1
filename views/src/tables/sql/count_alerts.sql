SELECT count(*) FROM alert_rows WHERE org = $1 AND kind = $2 /*filter*/
