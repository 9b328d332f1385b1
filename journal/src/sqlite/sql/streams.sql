-- Names of streams after (?1, ?2, ?3), in order, and whether each is a part: a walk that jumps from name to name in the index.
-- The three steps stand apart because a comparison of rows with the row of an outer query uses one column of an index only.
WITH RECURSIVE streams (org, kind, id, part) AS (
    SELECT * FROM (
        SELECT org, kind, id, owner_id IS NOT NULL FROM events
        WHERE (org, kind, id) > (?1, ?2, ?3) ORDER BY org, kind, id, sequence_number LIMIT 1
    )
    UNION ALL
    SELECT n.org, n.kind, n.id, n.owner_id IS NOT NULL FROM streams s CROSS JOIN events n ON n.place = coalesce(
        (SELECT e.place FROM events e WHERE e.org = s.org AND e.kind = s.kind AND e.id > s.id ORDER BY e.id, e.sequence_number LIMIT 1),
        (SELECT e.place FROM events e WHERE e.org = s.org AND e.kind > s.kind ORDER BY e.kind, e.id, e.sequence_number LIMIT 1),
        (SELECT e.place FROM events e WHERE e.org > s.org ORDER BY e.org, e.kind, e.id, e.sequence_number LIMIT 1)
    )
    LIMIT ?4 + 0
)
SELECT group_concat(concat(org, '
', kind, '
', id, '
', part, '
'), '') FROM streams
