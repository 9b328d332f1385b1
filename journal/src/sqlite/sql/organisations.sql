-- Organisations after ?1, in order, at most ?2: a walk that jumps from one to the next in the index of streams.
WITH RECURSIVE organisations (org) AS (
    SELECT (SELECT org FROM events WHERE org > ?1 ORDER BY org LIMIT 1)
    UNION ALL
    SELECT (SELECT e.org FROM events e WHERE e.org > o.org ORDER BY e.org LIMIT 1) FROM organisations o WHERE o.org IS NOT NULL
)
SELECT org FROM organisations WHERE org IS NOT NULL LIMIT ?2 + 0
