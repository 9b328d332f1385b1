-- Attempts to send over channels, and channels that were passed over: a row each, as it is known now. There were no events of
-- the kind before this step, so nothing is made anew.

CREATE TABLE attempts (
    org text COLLATE "C" NOT NULL,
    at bigint NOT NULL, -- when it began, microseconds since 1970; it never changes
    dispatch text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    channel text COLLATE "C" NOT NULL,
    record text NOT NULL, -- the line, as JSON
    PRIMARY KEY (org, at, dispatch, number)
);

CREATE INDEX attempts_by_channel ON attempts (org, channel, at, dispatch, number);
CREATE INDEX attempts_by_dispatch ON attempts (org, dispatch, at, number);
