SELECT i.org, i.id, i.version, i.record, i.occurred_at, i.recorded_at
FROM UNNEST($1::text[], $2::text[]) AS key (org, id) JOIN incidents AS i ON i.org = key.org AND i.id = key.id
