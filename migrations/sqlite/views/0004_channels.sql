-- Attempts to send over channels, and channels that were passed over: a row each, as it is known now. There were no events of
-- the kind before this step, so nothing is made anew.

CREATE TABLE attempts (
    org      TEXT    NOT NULL,
    at       INTEGER NOT NULL, -- when it began, microseconds since 1970; it never changes
    dispatch TEXT    NOT NULL,
    number   INTEGER NOT NULL,
    channel  TEXT    NOT NULL,
    record   TEXT    NOT NULL, -- the line, as JSON
    PRIMARY KEY (org, at, dispatch, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX attempts_by_channel ON attempts (org, channel, at, dispatch, number);
CREATE INDEX attempts_by_dispatch ON attempts (org, dispatch, at, number);
