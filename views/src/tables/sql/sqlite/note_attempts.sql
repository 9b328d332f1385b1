-- $1: JSON list of rows. Of a page only the last row of each attempt is here.
INSERT INTO attempts (org, at, dispatch, number, channel, record)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM json_each($1) WHERE true
ON CONFLICT (org, at, dispatch, number) DO UPDATE SET record = excluded.record
