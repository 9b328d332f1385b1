-- The views on Postgres: a schema of their own beside the journal's, and made anew from it whenever need be. Text is
-- compared byte by byte (COLLATE "C"), so that a page ends where the program thinks it does.

-- How far each partition was read into a view, written in the transaction that wrote the rows. The version is that of
-- the projection: rows of another version are thrown away. The last event tells whether these rows are of this journal.
-- Updated in place with every page, hence the room.
CREATE TABLE checkpoints (
    view text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    version bigint NOT NULL,
    position bigint NOT NULL,
    event_position bigint,
    event_id text COLLATE "C",
    PRIMARY KEY (view, partition)
) WITH (fillfactor = 20);

CREATE TABLE workflows (
    org text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    machine text COLLATE "C" NOT NULL,
    terminal_states text, -- JSON list; null where the machine is built in
    state text COLLATE "C" NOT NULL,
    terminal boolean NOT NULL,
    version bigint NOT NULL,
    attributes text NOT NULL, -- JSON object
    occurred_at bigint NOT NULL, -- microseconds since 1970
    recorded_at bigint NOT NULL,
    PRIMARY KEY (org, id)
);

CREATE INDEX workflows_by_state ON workflows (org, state, id);
CREATE INDEX workflows_by_machine ON workflows (org, machine, id);
