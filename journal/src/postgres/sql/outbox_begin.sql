SELECT outbox_begin($1, $2, $3)
