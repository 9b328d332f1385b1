-- Reactors: how far each has read, and what it wants to be sent. Rows that were sent are deleted.

-- Updated in place with every step, hence the room.
CREATE TABLE reactor_checkpoints (
    position bigint NOT NULL,
    partition smallint NOT NULL,
    reactor text COLLATE "C" NOT NULL,
    PRIMARY KEY (reactor, partition)
) WITH (fillfactor = 20);

-- A command has a target, an effect a channel and a class. A queue: nearly every row is soon gone, so vacuum has to come
-- often.
CREATE TABLE outbox (
    position bigint NOT NULL,
    not_before bigint NOT NULL,
    effect_id uuid PRIMARY KEY,
    correlation_id uuid NOT NULL,
    causation_id uuid NOT NULL,
    attempts integer NOT NULL,
    partition smallint NOT NULL,
    state smallint NOT NULL,      -- 0 pending, 1 sending, 2 unknown, 3 failed
    class smallint,               -- 0 repeatable, 1 once
    org text COLLATE "C" NOT NULL,
    reactor text COLLATE "C" NOT NULL,
    target text COLLATE "C",      -- <kind>:<org>:<id>
    channel text COLLATE "C",
    traceparent text COLLATE "C",
    last_error text COLLATE "C",
    payload text COLLATE "C" NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);

-- By partition first, as for the timers.
CREATE INDEX outbox_due ON outbox (partition, not_before, position, effect_id) WHERE state = 0;
CREATE INDEX outbox_sending ON outbox (partition) WHERE state = 1;

-- One step of a reactor: 0 stored, 1 fenced, 2 the checkpoint is not at p_from. A reactor that has not begun stands at 0.
CREATE FUNCTION react(
    p_partition smallint, p_epoch bigint, p_reactor text, p_from bigint, p_to bigint, p_now bigint,
    r_effect uuid[],          -- one element per row
    r_position bigint[],
    r_org text[],
    r_target text[],
    r_channel text[],
    r_class smallint[],
    r_payload text[],
    r_correlation uuid[],
    r_causation uuid[],
    r_trace text[]
) RETURNS smallint
LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off
AS $$
BEGIN
    IF NOT holds(p_partition, p_epoch) THEN
        RETURN 1;
    END IF;

    UPDATE reactor_checkpoints c SET position = p_to
    WHERE c.reactor = p_reactor AND c.partition = p_partition AND c.position = p_from;
    IF NOT FOUND THEN
        IF p_from <> 0 THEN
            RETURN 2;
        END IF;
        INSERT INTO reactor_checkpoints (reactor, partition, position) VALUES (p_reactor, p_partition, p_to) ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            RETURN 2;
        END IF;
    END IF;

    IF cardinality(r_effect) > 0 THEN
        INSERT INTO outbox (effect_id, partition, position, reactor, org, target, channel, class, payload, correlation_id,
            causation_id, traceparent, state, attempts, not_before)
        SELECT r.effect, p_partition, r.position, p_reactor, r.org, r.target, r.channel, r.class, r.payload, r.correlation,
            r.causation, r.trace, 0, 0, p_now
        FROM unnest(r_effect, r_position, r_org, r_target, r_channel, r_class, r_payload, r_correlation, r_causation, r_trace)
            AS r (effect, position, org, target, channel, class, payload, correlation, causation, trace)
        ON CONFLICT (effect_id) DO NOTHING;
    END IF;
    RETURN 0;
END
$$;

-- Pending becomes sending; says whether it did.
CREATE FUNCTION outbox_begin(p_partition smallint, p_epoch bigint, p_effect uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off
AS $$
BEGIN
    IF NOT holds(p_partition, p_epoch) THEN
        RETURN false;
    END IF;
    UPDATE outbox o SET state = 1, attempts = o.attempts + 1
    WHERE o.effect_id = p_effect AND o.partition = p_partition AND o.state = 0;
    RETURN FOUND;
END
$$;

-- Gives a row a state, or deletes it where p_state is null. What was never begun is counted now. p_not_before null leaves
-- the time as it is.
CREATE FUNCTION outbox_settle(
    p_partition smallint, p_epoch bigint, p_effect uuid, p_state smallint, p_not_before bigint, p_error text
) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off
AS $$
BEGIN
    IF NOT holds(p_partition, p_epoch) THEN
        RETURN false;
    END IF;
    IF p_state IS NULL THEN
        DELETE FROM outbox o WHERE o.effect_id = p_effect AND o.partition = p_partition;
    ELSE
        UPDATE outbox o
        SET attempts = o.attempts + CASE o.state WHEN 0 THEN 1 ELSE 0 END, state = p_state,
            not_before = coalesce(p_not_before, o.not_before), last_error = p_error
        WHERE o.effect_id = p_effect AND o.partition = p_partition;
    END IF;
    RETURN FOUND;
END
$$;

-- Sending becomes unknown; says how many rows that were.
CREATE FUNCTION outbox_abandoned(p_partition smallint, p_epoch bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off
AS $$
DECLARE
    v_count bigint;
BEGIN
    IF NOT holds(p_partition, p_epoch) THEN
        RETURN 0;
    END IF;
    UPDATE outbox o SET state = 2 WHERE o.partition = p_partition AND o.state = 1;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END
$$;
