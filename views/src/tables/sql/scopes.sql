-- The scopes of an organisation, and what of each happened from $2 on and before $7. The walk goes from scope to scope over
-- the key. Rows are counted from $2 on and before $3, and from $6 on and before $7; between those lie the whole hours from
-- $4 on and before $5, which are added up.
WITH RECURSIVE scopes (scope) AS (
    SELECT min(scope) FROM policy_work WHERE org = $1
    UNION ALL
    SELECT (SELECT min(w.scope) FROM policy_work AS w WHERE w.org = $1 AND w.scope > s.scope) FROM scopes AS s WHERE s.scope IS NOT NULL
)
SELECT
    s.scope,
    (SELECT count(*) FROM policy_work AS w WHERE w.org = $1 AND w.scope = s.scope AND w.occurred_at >= $2 AND w.occurred_at < $3)
        + CAST((SELECT coalesce(sum(h.works), 0) FROM policy_work_hours AS h WHERE h.org = $1 AND h.scope = s.scope AND h.hour >= $4 AND h.hour < $5) AS bigint)
        + (SELECT count(*) FROM policy_work AS w WHERE w.org = $1 AND w.scope = s.scope AND w.occurred_at >= $6 AND w.occurred_at < $7),
    (SELECT min(w.occurred_at) FROM policy_work AS w WHERE w.org = $1 AND w.scope = s.scope AND w.occurred_at >= $2 AND w.occurred_at < $7)
FROM scopes AS s WHERE s.scope IS NOT NULL
