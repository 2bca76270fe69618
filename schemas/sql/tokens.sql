-- name: token_owner(token_hash)^
-- Who a bearer token belongs to. Reads alone, so that a read-only Postgres still knows who may read; `note_use` says
-- that this use is worth a row: once a minute, so that a busy token does not write a row a request.
SELECT t.id, t.account_id, t.scope, a.requests_per_second,
       (t.last_used_at IS NULL OR t.last_used_at < now() - interval '1 minute') AS note_use
FROM api_tokens t JOIN accounts a ON a.id = t.account_id
WHERE t.token_hash = :token_hash AND t.revoked_at IS NULL;

-- name: token_used(id)!
UPDATE api_tokens SET last_used_at = now() WHERE id = :id;

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
