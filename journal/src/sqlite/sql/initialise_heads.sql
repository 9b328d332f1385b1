INSERT OR IGNORE INTO heads (partition, epoch)
WITH RECURSIVE p (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM p WHERE n + 1 < (SELECT partitions FROM meta)) SELECT n, 0 FROM p
