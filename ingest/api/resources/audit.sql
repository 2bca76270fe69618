-- Who changed what by the dashboard.

-- name: audit_list(account_id, before, who, operation, subject, since, limit)
-- Newest first.
SELECT * FROM audit_log
WHERE account_id = :account_id AND id < coalesce(:before::bigint, 9223372036854775807)
  AND (:who::text IS NULL OR who = :who::text)
  AND (:operation::text IS NULL OR operation = :operation::text)
  AND (:subject::text IS NULL OR subject = :subject::text)
  AND (:since::timestamptz IS NULL OR at >= :since::timestamptz)
ORDER BY id DESC LIMIT :limit;
