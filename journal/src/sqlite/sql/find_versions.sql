-- The last sequence number of each asked stream; the first column says which row.
WITH wanted (n, org, kind, id) AS (VALUES /*rows*/)
SELECT w.n, (
    SELECT e.sequence_number FROM events e
    WHERE e.org = w.org AND e.kind = w.kind AND e.id = w.id
    ORDER BY e.sequence_number DESC LIMIT 1
)
FROM wanted w
