-- Observed dispatches rolled up by minute, for what memory does not hold any more; updated in place, hence the room.
CREATE TABLE dispatch_minutes (
    org text COLLATE "C" NOT NULL,
    minute bigint NOT NULL, -- its start, microseconds since 1970
    region text COLLATE "C" NOT NULL,
    severity bigint NOT NULL,
    unit_type text COLLATE "C" NOT NULL,
    record text NOT NULL, -- counts, sums and histograms, as JSON
    PRIMARY KEY (org, minute, region, severity, unit_type)
) WITH (fillfactor = 70);

-- The chain of the audit trail: runs of places in the journal with the checksum of each. Nothing here is ever changed or made
-- anew: that is what it is for. The projection has another version with this step, so what was recorded before is sealed too.
CREATE TABLE audit_seals (
    org text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    last_position bigint NOT NULL,
    first_sequence bigint NOT NULL, -- the number of its first entry in the chain
    previous text COLLATE "C" NOT NULL, -- the checksum before it
    seals text COLLATE "C" NOT NULL, -- for each entry 16 hexadecimal digits of its position and 64 of its checksum
    PRIMARY KEY (org, partition, last_position)
);
