-- Two index ranges, each in its own order and each bounded: the caller merges them. A sort of the union here would
-- carry whole rows.
(SELECT e.partition, e.position, e.org, e.kind, e.id, e.sequence_number, e.owner_kind, e.owner_id, e.event_id, e.event_type,
    e.schema_version, e.data, e.occurred_at, e.recorded_at, e.correlation_id, e.causation_id, e.actor, e.traceparent
FROM events e
WHERE e.org = $1 AND e.kind = $2 AND e.id = $3 AND e.sequence_number > $4 AND e.owner_kind IS NULL
ORDER BY e.sequence_number
LIMIT $6)
UNION ALL
(SELECT e.partition, e.position, e.org, e.kind, e.id, e.sequence_number, e.owner_kind, e.owner_id, e.event_id, e.event_type,
    e.schema_version, e.data, e.occurred_at, e.recorded_at, e.correlation_id, e.causation_id, e.actor, e.traceparent
FROM events e
WHERE e.org = $1 AND e.owner_kind = $2 AND e.owner_id = $3 AND e.position > $5
ORDER BY e.position
LIMIT $6)
