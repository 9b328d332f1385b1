INSERT INTO meta (format, partitions) VALUES ($1, $2) ON CONFLICT DO NOTHING
