-- Last position of one partition.
SELECT coalesce(max(place) & 281474976710655, 0) FROM events WHERE place > ?1 << 48 AND place < (?1 + 1) << 48
