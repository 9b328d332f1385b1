TRUNCATE workflows, policy_audit, policy_work, attempts
