SELECT DISTINCT org FROM audit_seals WHERE partition = $1 ORDER BY org
