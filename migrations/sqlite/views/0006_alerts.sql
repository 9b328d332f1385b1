-- Alerts and notifications, a row each. There were no events of these kinds before this step, so nothing is made anew.

CREATE TABLE alert_rows (
    org        TEXT    NOT NULL,
    kind       TEXT    NOT NULL, -- alert, or notification
    id         TEXT    NOT NULL,
    created_at INTEGER NOT NULL, -- microseconds since 1970; it never changes
    topic      TEXT    NOT NULL, -- of an alert how bad it is, of a notification which alert it is about; nor does this
    status     TEXT    NOT NULL,
    record     TEXT    NOT NULL, -- as JSON
    PRIMARY KEY (org, kind, id)
) STRICT;

CREATE INDEX alert_rows_by_time ON alert_rows (org, kind, created_at, id);
CREATE INDEX alert_rows_by_status ON alert_rows (org, kind, status, created_at, id);
CREATE INDEX alert_rows_by_topic ON alert_rows (org, kind, topic, created_at, id);
