-- name: token_owner(token_hash)^
-- Who a bearer token belongs to. Reads alone, so that a read-only Postgres still knows who may read; `note_use` says
-- that this use is worth a row: once a minute, so that a busy token does not write a row a request. `feeds` are the
-- ones that a bound token is for; null: all of the account.
SELECT t.id, t.name, t.account_id, t.scope, t.expires_at, a.requests_per_second, a.suspended_at IS NOT NULL AS suspended,
       CASE WHEN t.inventory_feed_id IS NOT NULL THEN ARRAY[t.inventory_feed_id]
            WHEN t.dropship_provider_id IS NOT NULL THEN ARRAY(
                SELECT f.id FROM inventory_feeds f
                WHERE f.dropship_provider_id = t.dropship_provider_id AND f.deleted_at IS NULL)
       END AS feeds,
       (t.last_used_at IS NULL OR t.last_used_at < now() - interval '1 minute') AS note_use
FROM api_tokens t JOIN accounts a ON a.id = t.account_id
WHERE t.token_hash = :token_hash AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
  AND a.deleted_at IS NULL;

-- name: hash_owner(hash)^
-- A vendor that reads with its feed's hash; the two before count within their grace.
SELECT f.id AS feed_id, f.account_id, a.requests_per_second, a.suspended_at IS NOT NULL AS suspended
FROM inventory_feeds f JOIN accounts a ON a.id = f.account_id
WHERE (f.hash = :hash OR (f.previous_hash = :hash AND f.previous_hash_until > now())
       OR (f.older_hash = :hash AND f.older_hash_until > now()))
  AND f.deleted_at IS NULL AND a.deleted_at IS NULL;

-- name: token_used(id)!
UPDATE api_tokens SET last_used_at = now() WHERE id = :id;

-- name: token_create(account_id, name, scope, token_hash, expires_at, dropship_provider_id, inventory_feed_id)^
-- The token's digest alone is kept. Bound to a provider or feed of another account, it is not made.
INSERT INTO api_tokens (account_id, name, scope, token_hash, expires_at, dropship_provider_id, inventory_feed_id)
SELECT :account_id::bigint, :name, :scope, :token_hash, :expires_at::timestamptz, :dropship_provider_id::bigint, :inventory_feed_id::bigint
WHERE (:dropship_provider_id::bigint IS NULL OR EXISTS (
        SELECT FROM dropship_providers p WHERE p.id = :dropship_provider_id::bigint AND p.account_id = :account_id::bigint))
  AND (:inventory_feed_id::bigint IS NULL OR EXISTS (
        SELECT FROM inventory_feeds f
        WHERE f.id = :inventory_feed_id::bigint AND f.account_id = :account_id::bigint AND f.deleted_at IS NULL))
RETURNING *;

-- name: token_list(account_id, after, limit)
-- A page of an account's tokens, revoked ones too: an operator wants to see when.
SELECT * FROM api_tokens
WHERE account_id = :account_id AND id > coalesce(:after::bigint, 0)
ORDER BY id LIMIT :limit;

-- name: token_revoke(account_id, id, operator)^
-- Revoking twice keeps the first time. An operator's token is revoked by operators alone.
UPDATE api_tokens SET revoked_at = coalesce(revoked_at, now())
WHERE account_id = :account_id AND id = :id AND (scope <> 'operator' OR :operator::boolean)
RETURNING *;
