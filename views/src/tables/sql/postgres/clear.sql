TRUNCATE workflows, policy_audit, policy_work, policy_work_hours, attempts, incidents, units, alert_rows, dispatch_minutes
