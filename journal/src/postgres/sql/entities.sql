-- Main streams, and entities that so far have events in other streams only.
SELECT named.org, named.kind, named.id FROM (
    (SELECT e.org, e.kind, e.id FROM events e
    WHERE (e.org, e.kind, e.id) > ($1, $2, $3) AND e.sequence_number = 1 AND e.owner_kind IS NULL
    ORDER BY e.org, e.kind, e.id
    LIMIT $4)
    UNION
    (SELECT DISTINCT e.org, e.owner_kind, e.owner_id FROM events e
    WHERE (e.org, e.owner_kind, e.owner_id) > ($1, $2, $3) AND e.owner_kind IS NOT NULL
    ORDER BY e.org, e.owner_kind, e.owner_id
    LIMIT $4)
) named
ORDER BY named.org, named.kind, named.id
LIMIT $4
