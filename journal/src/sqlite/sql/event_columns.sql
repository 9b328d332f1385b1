-- An event in one value, because every value costs two allocations on its way between threads: a line of numbers (the lengths of
-- the four texts last; that of a missing one is empty), a line for each name, which hold no line breaks, then texts and ids.
SELECT concat(
    place, ' ', sequence_number, ' ', schema_version, ' ', occurred_at, ' ', recorded_at, ' ',
    octet_length(event_type), ' ', octet_length(actor), ' ', octet_length(traceparent), ' ', octet_length(data), '
', org, '
', kind, '
', id, '
', owner_kind, '
', owner_id, '
', event_type, actor, traceparent, event_id, correlation_id, causation_id, data)
FROM events
