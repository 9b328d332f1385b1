-- Timers of entities, written by the append that changes them.

CREATE TABLE timers (
    org       TEXT    NOT NULL,
    kind      TEXT    NOT NULL,
    id        TEXT    NOT NULL,
    name      TEXT    NOT NULL,
    partition INTEGER NOT NULL,
    due       INTEGER NOT NULL, -- microseconds since 1970
    policy    INTEGER NOT NULL, -- 0 fire once late, 1 skip, 2 fire all
    armed     INTEGER NOT NULL, -- position of the append that armed it
    consumed  INTEGER NOT NULL CHECK (consumed IN (0, 1)),
    PRIMARY KEY (org, kind, id, name)
) STRICT, WITHOUT ROWID;

-- By time over all partitions: one process owns a file and asks for all of them, so that hardly a row is read in vain.
CREATE INDEX timers_due ON timers (due, org, kind, id, name) WHERE consumed = 0;
