WITH gone AS (DELETE FROM nodes WHERE expires_at < clock_timestamp() - $7 AND node <> $1)
INSERT INTO nodes AS n (node, standing, started_at, heard_at, expires_at, address, release)
VALUES ($1, $2, clock_timestamp(), clock_timestamp(), clock_timestamp() + $6, $3, $4)
ON CONFLICT (node) DO UPDATE
SET standing = excluded.standing, started_at = CASE WHEN $5 THEN excluded.started_at ELSE n.started_at END,
    heard_at = excluded.heard_at, expires_at = excluded.expires_at, address = excluded.address, release = excluded.release
