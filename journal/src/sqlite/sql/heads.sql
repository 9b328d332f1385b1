-- Epoch, last position and last time of every partition, by partition, as one value: rows are dear between threads.
SELECT json_group_array(json_array(epoch, position, recorded_at) ORDER BY partition)
FROM (
    SELECT
        h.partition,
        h.epoch,
        coalesce((
            SELECT max(e.place) & 281474976710655 FROM events e
            WHERE e.place > h.partition << 48 AND e.place < (h.partition + 1) << 48
        ), 0) AS position,
        (
            SELECT e.recorded_at FROM events e
            WHERE e.place > h.partition << 48 AND e.place < (h.partition + 1) << 48
            ORDER BY e.place DESC LIMIT 1
        ) AS recorded_at
    FROM heads h
)
