-- Names of entities after (?1, ?2, ?3) that own parts, in order: the same walk in the index of parts.
WITH RECURSIVE owners (org, kind, id) AS (
    SELECT * FROM (
        SELECT org, owner_kind, owner_id FROM events INDEXED BY events_of_parts
        WHERE owner_id IS NOT NULL AND (org, owner_kind, owner_id) > (?1, ?2, ?3) ORDER BY org, owner_kind, owner_id LIMIT 1
    )
    UNION ALL
    SELECT n.org, n.owner_kind, n.owner_id FROM owners o CROSS JOIN events n ON n.place = coalesce(
        (SELECT e.place FROM events e INDEXED BY events_of_parts
         WHERE e.owner_id IS NOT NULL AND e.org = o.org AND e.owner_kind = o.kind AND e.owner_id > o.id
         ORDER BY e.owner_id LIMIT 1),
        (SELECT e.place FROM events e INDEXED BY events_of_parts
         WHERE e.owner_id IS NOT NULL AND e.org = o.org AND e.owner_kind > o.kind
         ORDER BY e.owner_kind, e.owner_id LIMIT 1),
        (SELECT e.place FROM events e INDEXED BY events_of_parts
         WHERE e.owner_id IS NOT NULL AND e.org > o.org
         ORDER BY e.org, e.owner_kind, e.owner_id LIMIT 1)
    )
    LIMIT ?4 + 0
)
SELECT group_concat(concat(org, '
', kind, '
', id, '
0
'), '') FROM owners
