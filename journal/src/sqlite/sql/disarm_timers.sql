DELETE FROM timers WHERE (org, kind, id, name) IN (VALUES /*rows*/)
