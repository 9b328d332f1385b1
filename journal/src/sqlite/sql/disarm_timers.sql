-- The casts say that the values are text: without them the key is not used.
DELETE FROM timers WHERE (org, kind, id, name) IN (
    SELECT CAST(column1 AS TEXT), CAST(column2 AS TEXT), CAST(column3 AS TEXT), CAST(column4 AS TEXT) FROM (VALUES /*rows*/)
)
