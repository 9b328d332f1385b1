INSERT OR ROLLBACK INTO timers (org, kind, id, name, partition, due, policy, armed, consumed) VALUES /*rows*/
ON CONFLICT (org, kind, id, name) DO UPDATE SET
    due = excluded.due, policy = excluded.policy, armed = excluded.armed, consumed = excluded.consumed
