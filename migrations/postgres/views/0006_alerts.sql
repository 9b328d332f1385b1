-- Alerts and notifications, a row each. There were no events of these kinds before this step, so nothing is made anew. Both are
-- updated in place, hence the room.

CREATE TABLE alert_rows (
    org text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL, -- alert, or notification
    id text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL, -- microseconds since 1970; it never changes
    topic text COLLATE "C" NOT NULL, -- of an alert how bad it is, of a notification which alert it is about; nor does this
    status text COLLATE "C" NOT NULL,
    record text NOT NULL, -- as JSON
    PRIMARY KEY (org, kind, id)
) WITH (fillfactor = 80);

CREATE INDEX alert_rows_by_time ON alert_rows (org, kind, created_at, id);
CREATE INDEX alert_rows_by_status ON alert_rows (org, kind, status, created_at, id);
CREATE INDEX alert_rows_by_topic ON alert_rows (org, kind, topic, created_at, id);
