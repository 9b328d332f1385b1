SELECT u.org, u.id, u.version, u.record, u.occurred_at, u.recorded_at
FROM UNNEST($1::text[], $2::text[]) AS key (org, id) JOIN units AS u ON u.org = key.org AND u.id = key.id
