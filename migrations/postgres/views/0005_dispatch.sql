-- Incidents and units, a row each, as their own events tell them. There were no events of these kinds before this step, so
-- nothing is made anew. Both are updated in place, hence the room.

CREATE TABLE incidents (
    org text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL, -- microseconds since 1970; it never changes
    zone text COLLATE "C", -- nor does this
    status text COLLATE "C" NOT NULL,
    priority bigint NOT NULL,
    archived bigint NOT NULL, -- 1: put away, and left out of lists
    version bigint NOT NULL,
    record text NOT NULL, -- the incident, as JSON
    occurred_at bigint NOT NULL,
    recorded_at bigint NOT NULL,
    PRIMARY KEY (org, id)
) WITH (fillfactor = 80);

CREATE INDEX incidents_by_time ON incidents (org, created_at, id) WHERE archived = 0;
CREATE INDEX incidents_by_status ON incidents (org, status, created_at, id) WHERE archived = 0;
CREATE INDEX incidents_by_zone ON incidents (org, zone, created_at, id) WHERE archived = 0;

CREATE TABLE units (
    org text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    unit_type text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    record text NOT NULL, -- the unit, as JSON
    occurred_at bigint NOT NULL, -- microseconds since 1970
    recorded_at bigint NOT NULL,
    PRIMARY KEY (org, id)
) WITH (fillfactor = 80);

CREATE INDEX units_by_type ON units (org, unit_type, id);
CREATE INDEX units_by_status ON units (org, status, id);
