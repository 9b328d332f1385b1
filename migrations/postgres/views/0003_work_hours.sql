-- How much work of a scope there was in each hour since 1970, so that a preview over a long time adds hours up instead of
-- counting rows. The projection has another version with this step, so every row is made anew. The present hours are
-- updated in place with every page, hence the room.
CREATE TABLE policy_work_hours (
    org text COLLATE "C" NOT NULL,
    scope text COLLATE "C" NOT NULL,
    hour bigint NOT NULL,
    works bigint NOT NULL,
    PRIMARY KEY (org, scope, hour)
) WITH (fillfactor = 70);

-- Rows are no longer counted by the hundred thousand, so that vacuum may come as to any other table.
ALTER TABLE policy_work RESET (autovacuum_vacuum_insert_scale_factor, autovacuum_vacuum_insert_threshold);
