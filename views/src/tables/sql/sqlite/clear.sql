DELETE FROM workflows;
DELETE FROM policy_audit;
DELETE FROM policy_work;
DELETE FROM policy_work_hours;
DELETE FROM attempts;
DELETE FROM incidents;
DELETE FROM units;
DELETE FROM dispatch_minutes
