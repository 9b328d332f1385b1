-- Commands that were set aside. Few: bounded per organisation.

CREATE TABLE dead_letters (
    letter     BLOB    NOT NULL PRIMARY KEY,
    org        TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    command_id BLOB    NOT NULL,
    command    TEXT    NOT NULL,
    meta       TEXT    NOT NULL,
    fault      TEXT    NOT NULL,
    panics     INTEGER NOT NULL,
    parked_at  INTEGER NOT NULL -- microseconds since 1970
) STRICT;

CREATE INDEX dead_letters_by_org ON dead_letters (org, letter);
