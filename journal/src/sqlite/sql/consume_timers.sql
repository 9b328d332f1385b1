UPDATE timers SET consumed = 1 WHERE (org, kind, id, name) IN (VALUES /*rows*/)
