DELETE FROM workflows;
DELETE FROM policy_audit;
DELETE FROM policy_work;
DELETE FROM attempts
