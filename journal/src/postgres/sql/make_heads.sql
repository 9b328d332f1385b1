INSERT INTO heads (partition, epoch)
SELECT generate_series(0, partitions - 1), 0 FROM meta
ON CONFLICT DO NOTHING
