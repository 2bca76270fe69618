-- What a session proves itself by, once more.

-- name: proof_of(account_id, id)^
SELECT s.token_id, t.token_hash, s.person_id, p.password_hash, s.created_at > now() - interval '15 minutes' AS is_new
FROM sessions s
LEFT JOIN api_tokens t ON t.id = s.token_id AND t.revoked_at IS NULL
LEFT JOIN people p ON p.id = s.person_id AND p.disabled_at IS NULL
WHERE s.account_id = :account_id AND s.id = :id;
