-- Who changed what, from where.

-- name: record(account_id, who, session_id, address, operation, subject, before, after)!
INSERT INTO audit_log (account_id, who, session_id, address, operation, subject, before, after)
VALUES (:account_id, :who, :session_id, :address, :operation, :subject, :before, :after);
