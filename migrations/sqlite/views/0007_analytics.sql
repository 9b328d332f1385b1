-- Observed dispatches rolled up by minute, for what memory does not hold any more.
CREATE TABLE dispatch_minutes (
    org       TEXT    NOT NULL,
    minute    INTEGER NOT NULL, -- its start, microseconds since 1970
    region    TEXT    NOT NULL,
    severity  INTEGER NOT NULL,
    unit_type TEXT    NOT NULL,
    record    TEXT    NOT NULL, -- counts, sums and histograms, as JSON
    PRIMARY KEY (org, minute, region, severity, unit_type)
) STRICT, WITHOUT ROWID;

-- The chain of the audit trail: runs of places in the journal with the checksum of each. Nothing here is ever changed or made
-- anew: that is what it is for. The projection has another version with this step, so what was recorded before is sealed too.
CREATE TABLE audit_seals (
    org            TEXT    NOT NULL,
    partition      INTEGER NOT NULL,
    last_position  INTEGER NOT NULL,
    first_sequence INTEGER NOT NULL, -- the number of its first entry in the chain
    previous       TEXT    NOT NULL, -- the checksum before it
    seals          TEXT    NOT NULL, -- for each entry 16 hexadecimal digits of its position and 64 of its checksum
    PRIMARY KEY (org, partition, last_position)
) STRICT;
