-- name: token_owner(token_hash)^
-- Who a bearer token belongs to; a use is noted once a minute, so that a busy token does not write a row a request.
WITH found AS (
    SELECT t.id, t.account_id, t.scope, t.last_used_at, a.requests_per_second
    FROM api_tokens t JOIN accounts a ON a.id = t.account_id
    WHERE t.token_hash = :token_hash AND t.revoked_at IS NULL
), used AS (
    UPDATE api_tokens SET last_used_at = now()
    WHERE id = (SELECT id FROM found WHERE last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
)
SELECT id, account_id, scope, requests_per_second FROM found;

-- name: token_create(account_id, name, scope, token_hash)^
-- The token's digest alone is kept.
INSERT INTO api_tokens (account_id, name, scope, token_hash)
VALUES (:account_id, :name, :scope, :token_hash)
RETURNING id, name, scope, created_at, last_used_at, revoked_at;

-- name: token_list(account_id, after, limit)
-- A page of an account's tokens, revoked ones too: an operator wants to see when.
SELECT id, name, scope, created_at, last_used_at, revoked_at
FROM api_tokens
WHERE account_id = :account_id AND id > coalesce(:after::bigint, 0)
ORDER BY id LIMIT :limit;

-- name: token_revoke(account_id, id)^
-- Revoking twice keeps the first time.
UPDATE api_tokens SET revoked_at = coalesce(revoked_at, now())
WHERE account_id = :account_id AND id = :id
RETURNING id, name, scope, created_at, last_used_at, revoked_at;
