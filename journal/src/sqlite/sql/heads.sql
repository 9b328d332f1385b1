-- Epoch, last position and last time of every partition.
SELECT
    h.partition,
    h.epoch,
    coalesce((SELECT max(e.place) & 281474976710655 FROM events e WHERE e.place > h.partition << 48 AND e.place < (h.partition + 1) << 48), 0),
    (SELECT e.recorded_at FROM events e WHERE e.place > h.partition << 48 AND e.place < (h.partition + 1) << 48 ORDER BY e.place DESC LIMIT 1)
FROM heads h
ORDER BY h.partition
