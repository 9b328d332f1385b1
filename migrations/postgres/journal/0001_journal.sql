-- The journal. Text is compared byte by byte (COLLATE "C"), so that an order here is an order in the program.
-- Instants are microseconds since 1970 in UTC.

-- One row: what this database was made as. Neither value ever changes.
CREATE TABLE meta (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    format integer NOT NULL,
    partitions smallint NOT NULL CHECK (partitions BETWEEN 1 AND 64)
);

-- Locked by every append, updated only when the partition changes hands: an update per append would pile up versions
-- that an old snapshot keeps alive.
CREATE TABLE heads (
    partition smallint PRIMARY KEY,
    epoch bigint NOT NULL
);

-- Apart from the heads, so that a heartbeat neither waits for appends nor makes versions of a head. The epoch is the
-- head's; both are raised in one transaction. Updated in place many times a minute, hence the room on the page.
CREATE TABLE leases (
    partition smallint PRIMARY KEY,
    epoch bigint NOT NULL,
    node uuid,
    expires_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Append-only. owner_kind and owner_id are those of the entity that owns the stream, null where the stream is its main
-- stream. Rows never change, so vacuum may freeze them on its first visit: there is no later storm of freezing.
CREATE TABLE events (
    position bigint NOT NULL,
    recorded_at bigint NOT NULL,
    occurred_at bigint NOT NULL,
    sequence_number bigint NOT NULL,
    event_id uuid NOT NULL,
    correlation_id uuid NOT NULL,
    causation_id uuid NOT NULL,
    schema_version integer NOT NULL,
    partition smallint NOT NULL,
    org text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    owner_kind text COLLATE "C",
    owner_id text COLLATE "C",
    event_type text COLLATE "C" NOT NULL,
    actor text COLLATE "C" NOT NULL,
    traceparent text COLLATE "C",
    data text COLLATE "C" NOT NULL,
    CONSTRAINT events_by_position PRIMARY KEY (partition, position),
    CONSTRAINT events_by_stream UNIQUE (org, kind, id, sequence_number)
) WITH (autovacuum_freeze_min_age = 0);

-- Finds the parts of an entity; streams without parts, nearly all, cost nothing here.
CREATE INDEX events_by_owner ON events (org, owner_kind, owner_id, position) WHERE owner_kind IS NOT NULL;

-- Proof of every accepted command. The command leads the key, although it is looked up by all four columns: a random id
-- of fixed width is told apart at the first comparison, where the names would be compared one after the other.
CREATE TABLE receipts (
    version bigint NOT NULL,
    position bigint NOT NULL,
    recorded_at bigint NOT NULL,
    command_id uuid NOT NULL,
    events integer NOT NULL,
    partition smallint NOT NULL,
    org text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    body_hash bytea NOT NULL,
    CONSTRAINT receipts_by_command PRIMARY KEY (command_id, id, kind, org)
);

-- A cache: may be emptied at any time.
CREATE TABLE snapshots (
    version bigint NOT NULL,
    position bigint NOT NULL,
    occurred_at bigint NOT NULL,
    recorded_at bigint NOT NULL,
    state_schema integer NOT NULL,
    reducer integer NOT NULL,
    org text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    PRIMARY KEY (org, kind, id)
);
