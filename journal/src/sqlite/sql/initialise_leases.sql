INSERT OR IGNORE INTO leases (partition, node, expires_at) SELECT partition, NULL, 0 FROM heads
