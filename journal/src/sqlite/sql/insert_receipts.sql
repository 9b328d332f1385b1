INSERT INTO receipts (org, kind, id, command_id, body_hash, version, position, events, recorded_at) VALUES /*rows*/
