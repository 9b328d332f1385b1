SELECT h.partition, h.epoch, l.node,
    CASE
        WHEN l.node IS NULL THEN 0
        ELSE greatest(0, extract(epoch FROM l.expires_at - clock_timestamp()) * 1000000)::bigint
    END
FROM heads h
JOIN leases l USING (partition)
ORDER BY h.partition
