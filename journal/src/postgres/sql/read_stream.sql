SELECT e.partition, e.position, e.org, e.kind, e.id, e.sequence_number, e.owner_kind, e.owner_id, e.event_id, e.event_type,
    e.schema_version, e.data, e.occurred_at, e.recorded_at, e.correlation_id, e.causation_id, e.actor, e.traceparent
FROM events e
WHERE e.org = $1 AND e.kind = $2 AND e.id = $3 AND e.sequence_number > $4
ORDER BY e.sequence_number
LIMIT $5
