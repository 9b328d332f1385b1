SELECT a.org, a.kind, a.id, a.record
FROM UNNEST($1::text[], $2::text[], $3::text[]) AS key (org, kind, id)
JOIN alert_rows AS a ON a.org = key.org AND a.kind = key.kind AND a.id = key.id
