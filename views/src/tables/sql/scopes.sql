-- The scopes of an organisation, and what of each happened from $2 on and before $3. The walk goes from scope to scope over
-- the key, so that only rows of the time range are counted.
WITH RECURSIVE scopes (scope) AS (
    SELECT min(scope) FROM policy_work WHERE org = $1
    UNION ALL
    SELECT (SELECT min(w.scope) FROM policy_work AS w WHERE w.org = $1 AND w.scope > s.scope) FROM scopes AS s WHERE s.scope IS NOT NULL
)
SELECT
    s.scope,
    (SELECT count(*) FROM policy_work AS w WHERE w.org = $1 AND w.scope = s.scope AND w.occurred_at >= $2 AND w.occurred_at < $3),
    (SELECT min(w.occurred_at) FROM policy_work AS w WHERE w.org = $1 AND w.scope = s.scope AND w.occurred_at >= $2 AND w.occurred_at < $3)
FROM scopes AS s WHERE s.scope IS NOT NULL
