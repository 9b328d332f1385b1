SELECT record FROM policy_audit WHERE org = $1 AND seq > $2 AND time >= $3 /*node*/ ORDER BY seq LIMIT $4
