SELECT record FROM attempts
WHERE org = $1 AND at >= $2 AND at < $3 AND (at, dispatch, number) > ($4, $5, $6) /*filter*/
ORDER BY at, dispatch, number LIMIT $7
