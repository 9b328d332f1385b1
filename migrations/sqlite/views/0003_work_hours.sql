-- How much work of a scope there was in each hour since 1970, so that a preview over a long time adds hours up instead of
-- counting rows. The projection has another version with this step, so every row is made anew.
CREATE TABLE policy_work_hours (
    org   TEXT    NOT NULL,
    scope TEXT    NOT NULL,
    hour  INTEGER NOT NULL,
    works INTEGER NOT NULL,
    PRIMARY KEY (org, scope, hour)
) STRICT, WITHOUT ROWID;
