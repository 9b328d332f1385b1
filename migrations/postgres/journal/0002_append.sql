-- Appends a batch. One call is one autocommit transaction: no client round trip happens while a head is locked.
--
-- Each statement below sees a fresh snapshot (READ COMMITTED, a volatile function): what the transaction that held the
-- lock before us committed is seen by everything after the lock. A single statement with CTEs would still see the
-- snapshot from before the wait.
--
-- The caller has compared the appends of the batch with each other; here they are compared with what is stored. First
-- all are taken to be welcome (the unique indexes catch a repeated command or sequence number; only the event before
-- the first one is looked up); where that fails, each is judged on its own and the welcome ones are stored.
--
-- The settings hold for this function only: a plan made while the tables were empty must not scan them for ever.
CREATE FUNCTION append(
    p_epochs bigint[],        -- by partition + 1: the caller's epoch, -1 where it has none or needs none
    p_touched integer,        -- how many partitions the batch touches
    p_now bigint,
    a_partition smallint[],   -- one element per append
    a_chain integer[],        -- the same for all appends of one owner
    a_flaw smallint[],        -- 0 none, 1 the command occurs earlier in the batch, 2 does not follow on the appends before it
    a_offset integer[],       -- events of the batch in this partition up to and with this append
    a_org text[],
    a_kind text[],
    a_id text[],
    a_command uuid[],
    a_hash bytea[],
    a_version bigint[],
    a_events integer[],
    s_append integer[],       -- one element per stream: its first append,
    s_kind text[],
    s_id text[],
    s_part boolean[],         -- whether it is another stream than its owner's main one,
    s_last bigint[],          -- and the last sequence number that it must have
    e_append integer[],       -- one element per event
    e_stream integer[],
    e_nth integer[],          -- its place in the append, from 1
    e_number bigint[],
    e_event uuid[],
    e_type text[],
    e_schema integer[],
    e_data text[],
    e_occurred bigint[],
    e_correlation uuid[],
    e_causation uuid[],
    e_actor text[],
    e_trace text[]
) RETURNS TABLE (
    o_verdict smallint,       -- 1 accepted, 2 duplicate, 3 conflict, 4 fenced; one row per append, in their order
    o_position bigint,
    o_recorded bigint,
    o_version bigint,         -- these three only of a duplicate
    o_events integer,
    o_hash bytea
)
LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    v_held smallint[];
    v_last bigint[];
    v_time bigint[];
    v_stale integer[];
    v_verdict smallint[];
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
    INTO v_last, v_time
    FROM generate_subscripts(p_epochs, 1) n
    LEFT JOIN LATERAL (
        SELECT e.position, e.recorded_at FROM events e
        WHERE e.partition = n - 1 AND p_epochs[n] >= 0
        ORDER BY e.position DESC LIMIT 1
    ) tail ON true;

    v_careful := cardinality(v_held) < p_touched OR a_flaw && '{1,2}' OR EXISTS (
        SELECT FROM generate_subscripts(s_last, 1) s
        WHERE s_last[s] > 0 AND (
            SELECT true FROM events e
            WHERE e.org = a_org[s_append[s]] AND e.kind = s_kind[s] AND e.id = s_id[s] AND e.sequence_number = s_last[s]
            LIMIT 1
        ) IS NULL
    );

    LOOP
        IF v_careful THEN
            SELECT coalesce(array_agg(s_append[s]), '{}') INTO v_stale
            FROM generate_subscripts(s_last, 1) s
            WHERE s_last[s] <> coalesce((
                SELECT e.sequence_number FROM events e
                WHERE e.org = a_org[s_append[s]] AND e.kind = s_kind[s] AND e.id = s_id[s]
                ORDER BY e.sequence_number DESC LIMIT 1
            ), 0);

            SELECT array_agg(chained.verdict ORDER BY chained.a), array_agg(chained.place ORDER BY chained.a)
            INTO v_verdict, v_offset
            FROM (
                SELECT linked.a, linked.verdict,
                    sum(CASE WHEN linked.verdict = 1 THEN a_events[linked.a] ELSE 0 END)
                        OVER (PARTITION BY a_partition[linked.a] ORDER BY linked.a) AS place
                FROM (
                    SELECT alone.a,
                        CASE
                            WHEN alone.verdict = 1
                                AND NOT bool_and(alone.verdict = 1) OVER (PARTITION BY a_chain[alone.a] ORDER BY alone.a)
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
                        FROM generate_subscripts(a_chain, 1) a
                    ) alone
                ) linked
            ) chained;
        END IF;

        BEGIN
            INSERT INTO receipts (org, kind, id, command_id, body_hash, version, partition, position, events, recorded_at)
            SELECT a_org[a], a_kind[a], a_id[a], a_command[a], a_hash[a], a_version[a], a_partition[a],
                v_last[a_partition[a] + 1] + v_offset[a], a_events[a], v_time[a_partition[a] + 1]
            FROM generate_subscripts(a_chain, 1) a
            WHERE v_verdict IS NULL OR v_verdict[a] = 1;

            INSERT INTO events (partition, position, org, kind, id, sequence_number, owner_kind, owner_id, event_id,
                event_type, schema_version, data, occurred_at, recorded_at, correlation_id, causation_id, actor, traceparent)
            SELECT a_partition[a], v_last[a_partition[a] + 1] + v_offset[a] - a_events[a] + e_nth[e],
                a_org[a], s_kind[s], s_id[s], e_number[e],
                CASE WHEN s_part[s] THEN a_kind[a] END, CASE WHEN s_part[s] THEN a_id[a] END,
                e_event[e], e_type[e], e_schema[e], e_data[e], e_occurred[e], v_time[a_partition[a] + 1],
                e_correlation[e], e_causation[e], e_actor[e], e_trace[e]
            FROM (SELECT e, e_append[e] AS a, e_stream[e] AS s FROM generate_subscripts(e_append, 1) e) new
            WHERE v_verdict IS NULL OR v_verdict[a] = 1;
            EXIT;
        EXCEPTION WHEN unique_violation THEN
            IF v_careful THEN
                RAISE;
            END IF;
            v_careful := true;
        END;
    END LOOP;

    IF v_verdict IS NULL THEN
        RETURN QUERY
        SELECT 1::smallint, v_last[a_partition[a] + 1] + v_offset[a], v_time[a_partition[a] + 1],
            NULL::bigint, NULL::integer, NULL::bytea
        FROM generate_subscripts(a_chain, 1) a;
        RETURN;
    END IF;

    RETURN QUERY
    SELECT v_verdict[a], coalesce(r.position, v_last[a_partition[a] + 1] + v_offset[a]),
        coalesce(r.recorded_at, v_time[a_partition[a] + 1]), r.version, r.events, r.body_hash
    FROM generate_subscripts(a_chain, 1) a
    LEFT JOIN LATERAL (
        SELECT * FROM receipts r
        WHERE v_verdict[a] = 2 AND r.org = a_org[a] AND r.kind = a_kind[a] AND r.id = a_id[a] AND r.command_id = a_command[a]
        LIMIT 1
    ) r ON true
    ORDER BY a;
END
$$;
