-- What policy is about: the lines of the audit, and the work that a change of policy could have stopped. The projection has
-- another version with this step, so every row is made anew.

ALTER TABLE workflows ADD COLUMN assigning_states text; -- JSON list; null where the machine is built in

CREATE TABLE policy_audit (
    org text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    node text COLLATE "C" NOT NULL,
    time bigint NOT NULL, -- microseconds since 1970
    record text NOT NULL, -- the line, as JSON
    PRIMARY KEY (org, seq)
);

CREATE INDEX policy_audit_by_node ON policy_audit (org, node, seq);

-- A row per piece of work, as lean as can be: what else is to be known stands in the journal at its position. The scope is
-- a JSON list of the kind of work and the nodes that it was subject to: few of them, and the rows of each lie together in
-- the order of time. They are counted over the key alone, for which their pages must be known to be visible: so autovacuum
-- comes soon after they were written, and looks at the new ones only.
CREATE TABLE policy_work (
    org text COLLATE "C" NOT NULL,
    scope text COLLATE "C" NOT NULL,
    occurred_at bigint NOT NULL,
    partition integer NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (org, scope, occurred_at, partition, position)
) WITH (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 50000);
