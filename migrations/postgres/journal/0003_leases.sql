-- Takes a partition for a node, or, with p_epoch, raises the epoch of one that the node holds. The lock on the head
-- waits for an append under way; after the commit none under an older epoch can pass. Answers with the new epoch, or
-- null if the partition is not to be had. The clock is read after the wait.
CREATE FUNCTION take_over(p_partition smallint, p_node uuid, p_epoch bigint, p_lease interval) RETURNS bigint
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_epoch bigint;
BEGIN
    PERFORM FROM heads h WHERE h.partition = p_partition FOR NO KEY UPDATE;

    UPDATE leases l
    SET node = p_node, epoch = l.epoch + 1, expires_at = clock_timestamp() + p_lease
    WHERE l.partition = p_partition
        AND CASE
            WHEN p_epoch IS NULL THEN l.node IS NULL OR l.node = p_node OR l.expires_at <= clock_timestamp()
            ELSE l.node = p_node AND l.epoch = p_epoch
        END
    RETURNING l.epoch INTO v_epoch;

    IF v_epoch IS NOT NULL THEN
        UPDATE heads h SET epoch = v_epoch WHERE h.partition = p_partition;
    END IF;
    RETURN v_epoch;
END
$$;
