SELECT e.partition, e.position, e.org, e.kind, e.id, e.sequence_number, e.owner_kind, e.owner_id, e.event_id, e.event_type,
    e.schema_version, e.data, e.occurred_at, e.recorded_at, e.correlation_id, e.causation_id, e.actor, e.traceparent
FROM events e
WHERE e.partition = $1 AND e.position > $2
ORDER BY e.position
LIMIT $3
