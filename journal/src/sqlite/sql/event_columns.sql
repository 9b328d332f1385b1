-- Events in one value, because every value costs two allocations and every row a wake-up on the way between threads. An event is a
-- line of numbers (at the end the lengths of the ids together and of the four texts; that of a missing one is empty), a line for
-- each name, which hold no line breaks, and then the texts and ids. The condition follows; it has an order and a limit.
SELECT group_concat(event, '')
FROM (
SELECT concat(
    place, ' ', sequence_number, ' ', schema_version, ' ', occurred_at, ' ', recorded_at, ' ',
    octet_length(event_id) + octet_length(correlation_id) + octet_length(causation_id), ' ',
    octet_length(event_type), ' ', octet_length(actor), ' ', octet_length(traceparent), ' ', octet_length(data), '
', org, '
', kind, '
', id, '
', owner_kind, '
', owner_id, '
', event_type, actor, traceparent, event_id, correlation_id, causation_id, data) AS event
FROM events
