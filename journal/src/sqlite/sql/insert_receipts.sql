INSERT OR ROLLBACK INTO receipts (command_id, org, kind, id, body_hash, version, position, events, recorded_at) VALUES /*rows*/
