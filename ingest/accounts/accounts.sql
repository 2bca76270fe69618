-- name: account_get(account_id)^
-- The caller's own account.
SELECT * FROM accounts WHERE id = :account_id AND deleted_at IS NULL;

-- name: account_lock(account_id)^
-- The same, held until the transaction ends, so that two editors do not overwrite each other.
SELECT * FROM accounts WHERE id = :account_id AND deleted_at IS NULL FOR NO KEY UPDATE;

-- name: account_update(name, plan, daily_sku_limit, time_zone, requests_per_second, account_id)^
-- All attributes at once; the trigger tells the workers about a new limit or time zone.
UPDATE accounts
SET name = :name, plan = :plan, daily_sku_limit = :daily_sku_limit, time_zone = :time_zone,
    requests_per_second = :requests_per_second::real,
    updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')
WHERE id = :account_id
RETURNING *;

-- name: account_create(name, plan, daily_sku_limit, time_zone)^
-- A new account; made by operators alone.
INSERT INTO accounts (name, plan, daily_sku_limit, time_zone)
VALUES (:name, :plan, :daily_sku_limit, :time_zone)
RETURNING *;

-- name: account_page(after, name, limit)
-- Accounts, for operators; by a part of the name, if it is given.
SELECT * FROM accounts
WHERE id > coalesce(:after::bigint, 0) AND deleted_at IS NULL
  AND (:name::text IS NULL OR strpos(lower(name), lower(:name::text)) > 0)
ORDER BY id LIMIT :limit;

-- name: account_suspend(suspended, reason, account_id)^
-- A suspended account only reads: its posts are refused, its feeds are not fetched. What was accepted is still applied.
UPDATE accounts
SET suspended_at = CASE WHEN :suspended::boolean THEN coalesce(suspended_at, now()) END,
    suspended_reason = CASE WHEN :suspended::boolean THEN :reason::text END,
    updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')
WHERE id = :account_id AND deleted_at IS NULL
RETURNING *;

-- name: account_touch_feeds(account_id)!
-- Edges reload and pullers plan anew: whether an account is suspended stands in no feed.
UPDATE inventory_feeds SET updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')
WHERE account_id = :account_id AND deleted_at IS NULL;

-- name: account_pause_fetching(account_id)!
UPDATE pull_feeds SET next_fetch_at = NULL WHERE account_id = :account_id;

-- name: account_delete(account_id)^
-- Invisible at once, its sandbox too; upkeep removes its rows once its feeds are gone.
WITH sandbox AS (UPDATE accounts SET deleted_at = now() WHERE sandbox_of = :account_id AND deleted_at IS NULL)
UPDATE accounts SET deleted_at = now() WHERE id = :account_id AND deleted_at IS NULL RETURNING id;

-- name: account_delete_feeds(account_id)!
-- Their hashes and credentials are gone at once, as when a feed is deleted.
UPDATE inventory_feeds
SET deleted_at = now(), enabled = false, dropship_provider_id = NULL, secrets = NULL,
    hash = gen_random_uuid()::text || gen_random_uuid()::text, previous_hash = NULL, previous_hash_until = NULL,
    older_hash = NULL, older_hash_until = NULL,
    updated_at = clock_timestamp()
WHERE account_id IN (SELECT id FROM accounts WHERE id = :account_id OR sandbox_of = :account_id) AND deleted_at IS NULL;

-- name: account_revoke_tokens(account_id)!
UPDATE api_tokens SET revoked_at = coalesce(revoked_at, now())
WHERE account_id IN (SELECT id FROM accounts WHERE id = :account_id OR sandbox_of = :account_id);

-- name: account_rate_limit(account_id, rate)$
-- The limit of API requests; null lifts it. API processes see it within seconds.
UPDATE accounts SET requests_per_second = :rate, updated_at = clock_timestamp() WHERE id = :account_id RETURNING id;
