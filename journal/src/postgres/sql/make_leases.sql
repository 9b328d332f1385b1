INSERT INTO leases (partition, epoch, expires_at)
SELECT generate_series(0, partitions - 1), 0, clock_timestamp() FROM meta
ON CONFLICT DO NOTHING
