-- Incidents and units, a row each, as their own events tell them. There were no events of these kinds before this step, so
-- nothing is made anew.

CREATE TABLE incidents (
    org         TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    created_at  INTEGER NOT NULL, -- microseconds since 1970; it never changes
    zone        TEXT,             -- nor does this
    status      TEXT    NOT NULL,
    priority    INTEGER NOT NULL,
    archived    INTEGER NOT NULL, -- 1: put away, and left out of lists
    version     INTEGER NOT NULL,
    record      TEXT    NOT NULL, -- the incident, as JSON
    occurred_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (org, id)
) STRICT;

CREATE INDEX incidents_by_time ON incidents (org, created_at, id) WHERE archived = 0;
CREATE INDEX incidents_by_status ON incidents (org, status, created_at, id) WHERE archived = 0;
CREATE INDEX incidents_by_zone ON incidents (org, zone, created_at, id) WHERE archived = 0;

CREATE TABLE units (
    org         TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    unit_type   TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    record      TEXT    NOT NULL, -- the unit, as JSON
    occurred_at INTEGER NOT NULL, -- microseconds since 1970
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (org, id)
) STRICT;

CREATE INDEX units_by_type ON units (org, unit_type, id);
CREATE INDEX units_by_status ON units (org, status, id);
