-- Open sessions of the dashboard. One ends with its token and its person.

-- name: session_list(account_id, who, idle_s, longest_s)
-- Those of an account, or of one of its people or tokens, the last used first.
SELECT s.id, s.who, coalesce(p.role, s.role) AS role, s.address, s.agent, s.created_at, s.seen_at
FROM sessions s
LEFT JOIN api_tokens t ON t.id = s.token_id
LEFT JOIN people p ON p.id = s.person_id
WHERE s.account_id = :account_id AND s.ended_at IS NULL AND (:who::text IS NULL OR s.who = :who::text)
  AND t.revoked_at IS NULL AND coalesce(t.expires_at, 'infinity') > now() AND p.disabled_at IS NULL
  AND s.seen_at > now() - make_interval(secs => :idle_s)
  AND s.created_at > now() - make_interval(secs => :longest_s)
ORDER BY s.seen_at DESC
LIMIT 200;

-- name: session_end(account_id, id, who)$
UPDATE sessions SET ended_at = now()
WHERE account_id = :account_id AND id = :id AND ended_at IS NULL AND (:who::text IS NULL OR who = :who::text)
RETURNING id;
