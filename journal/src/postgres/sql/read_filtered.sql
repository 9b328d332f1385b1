-- A bounded piece of a partition. The caller has seen $3 as a committed position, so everything up to it is visible.
SELECT e.partition, e.position, e.org, e.kind, e.id, e.sequence_number, e.owner_kind, e.owner_id, e.event_id, e.event_type,
    e.schema_version, e.data, e.occurred_at, e.recorded_at, e.correlation_id, e.causation_id, e.actor, e.traceparent
FROM events e
WHERE e.partition = $1 AND e.position > $2 AND e.position <= $3
    AND ($4::text IS NULL OR e.org = $4)
    AND ($5::text IS NULL OR e.kind = $5)
    AND ($6::bigint IS NULL OR e.recorded_at >= $6)
    AND ($7::text[] IS NULL OR coalesce(e.owner_kind, e.kind) = ANY ($7))
ORDER BY e.position
LIMIT $8
