-- Who changed what by the dashboard.

-- name: audit_list(account_id, before, who, limit)
-- Newest first.
SELECT * FROM audit_log
WHERE account_id = :account_id AND id < coalesce(:before::bigint, 9223372036854775807)
  AND (:who::text IS NULL OR who = :who::text)
ORDER BY id DESC LIMIT :limit;
