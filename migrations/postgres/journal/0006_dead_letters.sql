-- Commands that were set aside. Few: bounded per organisation.
CREATE TABLE dead_letters (
    parked_at bigint NOT NULL,
    letter uuid PRIMARY KEY,
    command_id uuid NOT NULL,
    panics bigint NOT NULL,
    org text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    command text COLLATE "C" NOT NULL,
    meta text COLLATE "C" NOT NULL,
    fault text COLLATE "C" NOT NULL
);

CREATE INDEX dead_letters_by_org ON dead_letters (org, letter);

-- Stores one, or replaces it; false if p_max others of the organisation are there. Who counts, counts alone: two nodes
-- that park at once must not both be the last. The lock is of the organisation in this schema and ends with the
-- transaction; names that share its number only wait for each other.
CREATE FUNCTION park(
    p_max bigint, p_letter uuid, p_org text, p_kind text, p_id text, p_command_id uuid, p_command text, p_meta text, p_fault text,
    p_panics bigint, p_parked_at bigint
) RETURNS boolean
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'park needs READ COMMITTED' USING ERRCODE = 'IVJ01';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(current_schema() || ' dead letters of ' || p_org, 0));
    IF (SELECT count(*) FROM dead_letters d WHERE d.org = p_org AND d.letter <> p_letter) >= p_max THEN
        RETURN false;
    END IF;
    INSERT INTO dead_letters (letter, org, kind, id, command_id, command, meta, fault, panics, parked_at)
    VALUES (p_letter, p_org, p_kind, p_id, p_command_id, p_command, p_meta, p_fault, p_panics, p_parked_at)
    ON CONFLICT (letter) DO UPDATE
    SET org = excluded.org, kind = excluded.kind, id = excluded.id, command_id = excluded.command_id, command = excluded.command,
        meta = excluded.meta, fault = excluded.fault, panics = excluded.panics, parked_at = excluded.parked_at;
    RETURN true;
END
$$;
