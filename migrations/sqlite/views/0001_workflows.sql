-- The views on SQLite: a file of its own, apart from the journal, and made anew from it whenever need be.

-- How far each partition was read into a view, written in the transaction that wrote the rows. The version is that of
-- the projection: rows of another version are thrown away. The last event tells whether this file is of this journal.
CREATE TABLE checkpoints (
    view           TEXT    NOT NULL,
    partition      INTEGER NOT NULL,
    version        INTEGER NOT NULL,
    position       INTEGER NOT NULL,
    event_position INTEGER,
    event_id       TEXT,
    PRIMARY KEY (view, partition)
) STRICT;

CREATE TABLE workflows (
    org             TEXT    NOT NULL,
    id              TEXT    NOT NULL,
    machine         TEXT    NOT NULL,
    terminal_states TEXT,             -- JSON list; null where the machine is built in
    state           TEXT    NOT NULL,
    terminal        INTEGER NOT NULL,
    version         INTEGER NOT NULL,
    attributes      TEXT    NOT NULL, -- JSON object
    occurred_at     INTEGER NOT NULL, -- microseconds since 1970
    recorded_at     INTEGER NOT NULL,
    PRIMARY KEY (org, id)
) STRICT;

CREATE INDEX workflows_by_state ON workflows (org, state, id);
CREATE INDEX workflows_by_machine ON workflows (org, machine, id);
