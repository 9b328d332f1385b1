SELECT outbox_abandoned($1, $2)
