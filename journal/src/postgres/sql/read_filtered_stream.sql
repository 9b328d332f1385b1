-- By the stream's own index: a stream lies in one partition, its positions rise with its sequence numbers, and a long
-- partition with few events of it need not be scanned.
SELECT e.partition, e.position, e.org, e.kind, e.id, e.sequence_number, e.owner_kind, e.owner_id, e.event_id, e.event_type,
    e.schema_version, e.data, e.occurred_at, e.recorded_at, e.correlation_id, e.causation_id, e.actor, e.traceparent
FROM events e
WHERE e.partition = $1 AND e.position > $2 AND e.position <= $3
    AND e.org = $4 AND e.kind = $5 AND e.id = $6
    AND ($7::bigint IS NULL OR e.recorded_at >= $7)
    AND ($8::text[] IS NULL OR coalesce(e.owner_kind, e.kind) = ANY ($8))
ORDER BY e.sequence_number
LIMIT $9
