-- Reactors: how far each has read, and what it wants to be sent. Rows that were sent are deleted.

CREATE TABLE reactor_checkpoints (
    reactor   TEXT    NOT NULL,
    partition INTEGER NOT NULL,
    position  INTEGER NOT NULL,
    PRIMARY KEY (reactor, partition)
) STRICT, WITHOUT ROWID;

-- A command has a target, an effect a channel and a class.
CREATE TABLE outbox (
    effect_id      BLOB    NOT NULL PRIMARY KEY,
    partition      INTEGER NOT NULL,
    position       INTEGER NOT NULL,
    reactor        TEXT    NOT NULL,
    org            TEXT    NOT NULL,
    target         TEXT,             -- <kind>:<org>:<id>
    channel        TEXT,
    class          INTEGER,          -- 0 repeatable, 1 once
    payload        TEXT    NOT NULL,
    correlation_id BLOB    NOT NULL,
    causation_id   BLOB    NOT NULL,
    traceparent    TEXT,
    state          INTEGER NOT NULL, -- 0 pending, 1 sending, 2 unknown, 3 failed
    attempts       INTEGER NOT NULL,
    not_before     INTEGER NOT NULL, -- microseconds since 1970
    last_error     TEXT
) STRICT;

-- By time over all partitions: one process owns a file and asks for all of them.
CREATE INDEX outbox_due ON outbox (not_before, partition, position, effect_id) WHERE state = 0;
CREATE INDEX outbox_sending ON outbox (partition) WHERE state = 1;
