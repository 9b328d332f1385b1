SELECT node, standing, address, release,
    greatest(0, extract(epoch FROM clock_timestamp() - started_at) * 1000000)::bigint,
    greatest(0, extract(epoch FROM clock_timestamp() - heard_at) * 1000000)::bigint,
    greatest(0, extract(epoch FROM expires_at - clock_timestamp()) * 1000000)::bigint
FROM nodes
ORDER BY node
