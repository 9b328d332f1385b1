-- Streams that do not end where the append expects; the first column says which row. No row: all is as expected.
WITH wanted (n, org, kind, id, expected) AS (VALUES /*rows*/)
SELECT n, last
FROM (
    SELECT w.n, w.expected, coalesce((
        SELECT e.sequence_number FROM events e
        WHERE e.org = w.org AND e.kind = w.kind AND e.id = w.id
        ORDER BY e.sequence_number DESC LIMIT 1
    ), 0) AS last
    FROM wanted w
)
WHERE last <> expected
