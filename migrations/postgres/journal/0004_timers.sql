-- Timers of entities, written by the append that changes them.
--
-- A change of due or consumed moves the row in the index, so that it is never updated in place; the room on the page
-- keeps the new version beside the old one. What is due is read from the low end of the index, where rows that are gone
-- gather: vacuum has to come often, also when the table is large.
CREATE TABLE timers (
    due bigint NOT NULL,
    armed bigint NOT NULL,     -- position of the append that armed it
    partition smallint NOT NULL,
    policy smallint NOT NULL,  -- 0 fire once late, 1 skip, 2 fire all
    consumed boolean NOT NULL,
    org text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    CONSTRAINT timers_by_name PRIMARY KEY (org, kind, id, name)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);

-- By partition first: a node reads a few rows of each of its partitions, and never those of another node, of which there
-- may be any number if that node is down.
CREATE INDEX timers_due ON timers (partition, due, org, kind, id, name) WHERE NOT consumed;

-- Whether the partition is still owned under the epoch, until the transaction ends: a take-over updates this row, and
-- waits. Appends do not: they lock the head. (A take-over holds the head while it waits here; who is here never asks for
-- a head, so nobody waits in a circle.)
CREATE FUNCTION holds(p_partition smallint, p_epoch bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'a claim is looked at under READ COMMITTED' USING ERRCODE = 'IVJ01';
    END IF;
    PERFORM FROM leases l WHERE l.partition = p_partition AND l.epoch = p_epoch FOR SHARE;
    RETURN FOUND;
END
$$;

-- Marks a timer consumed if it is still armed the same; says whether it did. (The setting, here and in what follows: a plan
-- made while the table was empty must not scan it for ever.)
CREATE FUNCTION consume_timer(
    p_partition smallint, p_epoch bigint, p_org text, p_kind text, p_id text, p_name text, p_armed bigint
) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off
AS $$
BEGIN
    IF NOT holds(p_partition, p_epoch) THEN
        RETURN false;
    END IF;
    UPDATE timers t SET consumed = true
    WHERE t.org = p_org AND t.kind = p_kind AND t.id = p_id AND t.name = p_name
        AND t.partition = p_partition AND t.armed = p_armed AND NOT t.consumed;
    RETURN FOUND;
END
$$;

-- The append of 0002, which also changes timers.
DROP FUNCTION append(
    bigint[], integer, bigint, smallint[], smallint[], integer[], text[], text[], text[], uuid[], bytea[], bigint[], integer[],
    integer[], integer[], integer[], integer[], text[], text[], bigint[], uuid[], text[], integer[], text[], bigint[], uuid[],
    uuid[], text[], text[]
);

-- Appends a batch. One call is one autocommit transaction: no client round trip happens while a head is locked.
--
-- Each statement below sees a fresh snapshot (READ COMMITTED, a volatile function): what the transaction that held the
-- lock before us committed is seen by everything after the lock. A single statement with CTEs would still see the
-- snapshot from before the wait.
--
-- The caller has compared the appends of the batch with each other; here they are compared with what is stored. First
-- all are taken to be welcome (the unique indexes catch a repeated command or sequence number; only the event before
-- the first one is looked up, if the caller does not know it); where that fails, each is judged on its own and the
-- welcome ones are stored.
--
-- The settings hold for this function only: a plan made while the tables were empty must not scan them for ever.
CREATE FUNCTION append(
    p_epochs bigint[],        -- by partition + 1: the caller's epoch, -1 where it has none or needs none
    p_touched integer,        -- how many partitions the batch touches
    p_now bigint,
    a_partition smallint[],   -- one element per append
    a_flaw smallint[],        -- 1 the command occurs earlier in the batch, 2 does not follow on the appends before it
    a_offset integer[],       -- events of the batch in this partition up to and with this append
    a_org text[],
    a_kind text[],
    a_id text[],
    a_command uuid[],
    a_hash bytea[],
    a_version bigint[],
    a_events integer[],
    s_event integer[],        -- one element per stream: its first event
    s_unproven integer[],     -- those of them of which the caller does not know that the event before exists
    e_append integer[],       -- one element per event
    e_rest integer[],         -- how many events of its append come after it
    e_kind text[],            -- null for the main stream of its owner, also the next
    e_id text[],
    e_number bigint[],
    e_event uuid[],
    e_type text[],
    e_schema integer[],
    e_data text[],
    e_occurred bigint[],
    e_correlation uuid[],
    e_causation uuid[],
    e_actor text[],
    e_trace text[],
    t_append integer[],       -- one element per change of a timer, in order
    t_name text[],
    t_change smallint[],      -- 0 arm, 1 disarm, 2 consume
    t_due bigint[],           -- null but for arm, also the next
    t_policy smallint[],
    OUT o_last bigint[],      -- by partition + 1: the last position before,
    OUT o_recorded bigint[],  -- and what recorded_at is now
    OUT o_verdict smallint[], -- per append: 1 accepted, 2 duplicate, 3 conflict, 4 fenced; null if all are accepted, also the next
    OUT o_offset integer[],   -- as a_offset, but counting the accepted ones only
    OUT d_version bigint[],   -- per duplicate, in their order: its receipt
    OUT d_position bigint[],
    OUT d_events integer[],
    OUT d_recorded bigint[],
    OUT d_hash bytea[]
)
LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    v_held smallint[];
    v_stale integer[];
    v_offset integer[] := a_offset;
    v_careful boolean;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'append needs READ COMMITTED' USING ERRCODE = 'IVJ01';
    END IF;

    SELECT coalesce(array_agg(held.partition), '{}') INTO v_held FROM (
        SELECT h.partition FROM heads h
        WHERE h.epoch = p_epochs[h.partition + 1]
        ORDER BY h.partition
        FOR NO KEY UPDATE
    ) held;

    SELECT array_agg(coalesce(tail.position, 0) ORDER BY n), array_agg(greatest(tail.recorded_at, p_now) ORDER BY n)
    INTO o_last, o_recorded
    FROM generate_subscripts(p_epochs, 1) n
    LEFT JOIN LATERAL (
        SELECT e.position, e.recorded_at FROM events e
        WHERE e.partition = n - 1 AND p_epochs[n] >= 0
        ORDER BY e.position DESC LIMIT 1
    ) tail ON true;

    v_careful := cardinality(v_held) < p_touched OR cardinality(a_flaw) > 0 OR EXISTS (
        SELECT FROM unnest(s_unproven) s (e)
        WHERE (
            SELECT true FROM events e
            WHERE e.org = a_org[e_append[s.e]]
                AND e.kind = coalesce(e_kind[s.e], a_kind[e_append[s.e]])
                AND e.id = coalesce(e_id[s.e], a_id[e_append[s.e]])
                AND e.sequence_number = e_number[s.e] - 1
            LIMIT 1
        ) IS NULL
    );

    LOOP
        IF v_careful THEN
            SELECT coalesce(array_agg(e_append[s.e]), '{}') INTO v_stale
            FROM unnest(s_event) s (e)
            WHERE e_number[s.e] <> 1 + coalesce((
                SELECT e.sequence_number FROM events e
                WHERE e.org = a_org[e_append[s.e]]
                    AND e.kind = coalesce(e_kind[s.e], a_kind[e_append[s.e]])
                    AND e.id = coalesce(e_id[s.e], a_id[e_append[s.e]])
                ORDER BY e.sequence_number DESC LIMIT 1
            ), 0);

            SELECT array_agg(chained.verdict ORDER BY chained.a), array_agg(chained.place ORDER BY chained.a)
            INTO o_verdict, v_offset
            FROM (
                SELECT linked.a, linked.verdict,
                    sum(CASE WHEN linked.verdict = 1 THEN a_events[linked.a] ELSE 0 END)
                        OVER (PARTITION BY a_partition[linked.a] ORDER BY linked.a) AS place
                FROM (
                    SELECT alone.a,
                        CASE
                            WHEN alone.verdict = 1 AND NOT bool_and(alone.verdict = 1)
                                OVER (PARTITION BY a_org[alone.a], a_kind[alone.a], a_id[alone.a] ORDER BY alone.a)
                            THEN 3::smallint
                            ELSE alone.verdict
                        END AS verdict
                    FROM (
                        SELECT a,
                            CASE
                                WHEN a_flaw[a] = 1 THEN 3
                                WHEN NOT a_partition[a] = ANY (v_held) THEN 4
                                WHEN (
                                    SELECT true FROM receipts r
                                    WHERE r.org = a_org[a] AND r.kind = a_kind[a] AND r.id = a_id[a] AND r.command_id = a_command[a]
                                    LIMIT 1
                                ) THEN 2
                                WHEN a_flaw[a] = 2 OR a = ANY (v_stale) THEN 3
                                ELSE 1
                            END::smallint AS verdict
                        FROM generate_subscripts(a_partition, 1) a
                    ) alone
                ) linked
            ) chained;
        END IF;

        BEGIN
            INSERT INTO receipts (org, kind, id, command_id, body_hash, version, partition, position, events, recorded_at)
            SELECT a_org[a], a_kind[a], a_id[a], a_command[a], a_hash[a], a_version[a], a_partition[a],
                o_last[a_partition[a] + 1] + v_offset[a], a_events[a], o_recorded[a_partition[a] + 1]
            FROM generate_subscripts(a_partition, 1) a
            WHERE o_verdict IS NULL OR o_verdict[a] = 1;

            INSERT INTO events (partition, position, org, kind, id, sequence_number, owner_kind, owner_id, event_id,
                event_type, schema_version, data, occurred_at, recorded_at, correlation_id, causation_id, actor, traceparent)
            SELECT a_partition[e.a], o_last[a_partition[e.a] + 1] + v_offset[e.a] - e.rest,
                a_org[e.a], coalesce(e.kind, a_kind[e.a]), coalesce(e.id, a_id[e.a]), e.number,
                CASE WHEN e.kind IS NOT NULL THEN a_kind[e.a] END, CASE WHEN e.id IS NOT NULL THEN a_id[e.a] END,
                e.event, e.type, e.schema, e.data, e.occurred, o_recorded[a_partition[e.a] + 1],
                e.correlation, e.causation, e.actor, e.trace
            FROM unnest(e_append, e_rest, e_kind, e_id, e_number, e_event, e_type, e_schema, e_data, e_occurred,
                    e_correlation, e_causation, e_actor, e_trace)
                AS e (a, rest, kind, id, number, event, type, schema, data, occurred, correlation, causation, actor, trace)
            WHERE o_verdict IS NULL OR o_verdict[e.a] = 1;
            EXIT;
        EXCEPTION WHEN unique_violation THEN
            IF v_careful THEN
                RAISE;
            END IF;
            v_careful := true;
        END;
    END LOOP;

    -- What the accepted appends make of each timer: the last that arms or disarms it decides, and whether it is consumed
    -- afterwards.
    IF cardinality(t_append) > 0 THEN
        WITH changes AS (
            SELECT t.a, t.name, t.change, t.due, t.policy, t.n
            FROM unnest(t_append, t_name, t_change, t_due, t_policy) WITH ORDINALITY AS t (a, name, change, due, policy, n)
            WHERE o_verdict IS NULL OR o_verdict[t.a] = 1
        ), net AS (
            SELECT a_org[c.a] AS org, a_kind[c.a] AS kind, a_id[c.a] AS id, c.name, min(a_partition[c.a]) AS partition,
                max(c.n) FILTER (WHERE c.change <> 2) AS decided, max(c.n) FILTER (WHERE c.change = 2) AS consumed
            FROM changes c
            GROUP BY 1, 2, 3, 4
        ), disarmed AS (
            DELETE FROM timers t USING net
            WHERE t.org = net.org AND t.kind = net.kind AND t.id = net.id AND t.name = net.name AND t_change[net.decided] = 1
        ), consumed AS (
            UPDATE timers t SET consumed = true FROM net
            WHERE t.org = net.org AND t.kind = net.kind AND t.id = net.id AND t.name = net.name AND net.decided IS NULL
        )
        INSERT INTO timers AS t (org, kind, id, name, partition, due, policy, armed, consumed)
        SELECT net.org, net.kind, net.id, net.name, net.partition, t_due[net.decided], t_policy[net.decided],
            o_last[net.partition + 1] + v_offset[t_append[net.decided]], coalesce(net.consumed > net.decided, false)
        FROM net
        WHERE t_change[net.decided] = 0
        ON CONFLICT (org, kind, id, name) DO UPDATE
        SET due = excluded.due, policy = excluded.policy, armed = excluded.armed, consumed = excluded.consumed;
    END IF;

    IF v_careful THEN
        o_offset := v_offset;
        SELECT array_agg(r.version ORDER BY a), array_agg(r.position ORDER BY a), array_agg(r.events ORDER BY a),
            array_agg(r.recorded_at ORDER BY a), array_agg(r.body_hash ORDER BY a)
        INTO d_version, d_position, d_events, d_recorded, d_hash
        FROM generate_subscripts(o_verdict, 1) a
        CROSS JOIN LATERAL (
            SELECT * FROM receipts r
            WHERE o_verdict[a] = 2 AND r.org = a_org[a] AND r.kind = a_kind[a] AND r.id = a_id[a] AND r.command_id = a_command[a]
            LIMIT 1
        ) r;
    END IF;
END
$$;
