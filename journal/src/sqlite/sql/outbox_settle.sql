-- What was never begun is counted now.
UPDATE outbox
SET attempts = attempts + (state = 0), state = ?3, not_before = coalesce(?4, not_before), last_error = ?5
WHERE effect_id = ?1 AND partition = ?2
