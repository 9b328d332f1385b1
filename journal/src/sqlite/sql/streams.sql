-- Names of streams after (?1, ?2, ?3), in order, and whether each is a part: a walk that jumps from name to name in the index.
WITH RECURSIVE
streams (org, kind, id, owner_id) AS (
    SELECT * FROM (
        SELECT org, kind, id, owner_id FROM events
        WHERE (org, kind, id) > (?1, ?2, ?3) ORDER BY org, kind, id, sequence_number LIMIT 1
    )
    UNION ALL
    SELECT n.org, n.kind, n.id, n.owner_id FROM streams s CROSS JOIN events n ON n.place = (
        SELECT e.place FROM events e
        WHERE (e.org, e.kind, e.id) > (s.org, s.kind, s.id) ORDER BY e.org, e.kind, e.id, e.sequence_number LIMIT 1
    )
    LIMIT ?4
)
SELECT org, kind, id, owner_id IS NOT NULL FROM streams
