-- The first opening decides. Heads and leases follow from it in two more statements that do nothing where the rows are there, so
-- that a crash between them is mended by the next opening.
INSERT OR IGNORE INTO meta (one, partitions, format) VALUES (1, ?1, ?2)
