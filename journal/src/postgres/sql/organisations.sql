-- Organisations after $1, in order: a walk that jumps from one to the next in the index of streams.
WITH RECURSIVE organisations (org) AS (
    (SELECT e.org FROM events e WHERE e.org > $1 ORDER BY e.org LIMIT 1)
    UNION ALL
    SELECT (SELECT e.org FROM events e WHERE e.org > o.org ORDER BY e.org LIMIT 1) FROM organisations o WHERE o.org IS NOT NULL
)
SELECT org FROM organisations WHERE org IS NOT NULL LIMIT $2
