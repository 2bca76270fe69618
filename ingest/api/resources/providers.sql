-- name: provider_list(account_id, after, limit)
-- A page of an account's providers.
SELECT id, name, settings, created_at, updated_at
FROM dropship_providers
WHERE account_id = :account_id AND id > coalesce(:after::bigint, 0)
ORDER BY id LIMIT :limit;

-- name: provider_get(account_id, id)^
-- One provider.
SELECT id, name, settings, created_at, updated_at FROM dropship_providers WHERE account_id = :account_id AND id = :id;

-- name: provider_lock(account_id, id)^
-- One provider, held until the transaction ends.
SELECT id, name, settings, created_at, updated_at FROM dropship_providers
WHERE account_id = :account_id AND id = :id FOR UPDATE;

-- name: provider_create(account_id, name, settings)^
-- A name is enough.
INSERT INTO dropship_providers (account_id, name, settings) VALUES (:account_id, :name, :settings)
RETURNING id, name, settings, created_at, updated_at;

-- name: provider_update(name, settings, account_id, id)^
-- The new time is always a later one: it is the resource's version.
UPDATE dropship_providers
SET name = :name, settings = :settings, updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')
WHERE account_id = :account_id AND id = :id
RETURNING id, name, settings, created_at, updated_at;

-- name: provider_feeds(account_id, id)$
-- How many feeds a provider has; deleted ones no longer belong to it.
SELECT count(*) FROM inventory_feeds
WHERE account_id = :account_id AND dropship_provider_id = :id AND deleted_at IS NULL;

-- name: provider_delete(account_id, id)!
-- Only without feeds: the foreign key refuses the rest.
DELETE FROM dropship_providers WHERE account_id = :account_id AND id = :id;
