-- OR ROLLBACK, because the default (ABORT) keeps a copy of every page that the statement touches: half of its time.
INSERT OR ROLLBACK INTO events (
    place, org, kind, id, sequence_number, owner_kind, owner_id, event_type, schema_version,
    event_id, occurred_at, recorded_at, correlation_id, causation_id, actor, traceparent, data
) VALUES /*rows*/
