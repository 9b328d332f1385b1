-- What policy is about: the lines of the audit, and the work that a change of policy could have stopped. The projection has
-- another version with this step, so every row is made anew.

ALTER TABLE workflows ADD COLUMN assigning_states TEXT; -- JSON list; null where the machine is built in

CREATE TABLE policy_audit (
    org    TEXT    NOT NULL,
    seq    INTEGER NOT NULL,
    node   TEXT    NOT NULL,
    time   INTEGER NOT NULL, -- microseconds since 1970
    record TEXT    NOT NULL, -- the line, as JSON
    PRIMARY KEY (org, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX policy_audit_by_node ON policy_audit (org, node, seq);

-- A row per piece of work, as lean as can be: what else is to be known stands in the journal at its position. The scope is
-- a JSON list of the kind of work and the nodes that it was subject to: few of them, and the rows of each lie together in
-- the order of time.
CREATE TABLE policy_work (
    org         TEXT    NOT NULL,
    scope       TEXT    NOT NULL,
    occurred_at INTEGER NOT NULL,
    partition   INTEGER NOT NULL,
    position    INTEGER NOT NULL,
    PRIMARY KEY (org, scope, occurred_at, partition, position)
) STRICT, WITHOUT ROWID;
