-- name: feed_list(account_id, feeds, after, dropship_provider_id, resource_type, enabled, limit)
-- A page of an account's feeds; each filter may be null.
SELECT * FROM inventory_feeds
WHERE account_id = :account_id AND id > coalesce(:after::bigint, 0) AND deleted_at IS NULL
  AND dropship_provider_id = coalesce(:dropship_provider_id, dropship_provider_id)
  AND resource_type = coalesce(:resource_type, resource_type)
  AND enabled = coalesce(:enabled, enabled)
  AND (:feeds::bigint[] IS NULL OR id = ANY (:feeds::bigint[]))
ORDER BY id LIMIT :limit;

-- name: feed_get(account_id, id)^
-- One feed.
SELECT * FROM inventory_feeds WHERE account_id = :account_id AND id = :id AND deleted_at IS NULL;

-- name: feeds_known(account_id, ids)
-- Which of these the account has.
SELECT id FROM inventory_feeds WHERE account_id = :account_id AND id = ANY (:ids::bigint[]) AND deleted_at IS NULL;

-- name: feed_lock(account_id, id)^
-- One feed, held until the transaction ends, so that two editors do not overwrite each other.
SELECT * FROM inventory_feeds WHERE account_id = :account_id AND id = :id AND deleted_at IS NULL FOR NO KEY UPDATE;

-- name: feed_provider(account_id, id)$
-- Whether the account has this provider; held, so that it is not deleted before the feed is written.
SELECT id FROM dropship_providers WHERE account_id = :account_id AND id = :id FOR KEY SHARE;

-- name: feed_create(account_id, dropship_provider_id, name, resource_type, hash, enabled, over_limit, automatically_connect, automatically_connect_by_barcode, case_insensitive_skus, allocation_buffer, settings, secrets)^
-- A new feed.
INSERT INTO inventory_feeds (
    account_id, dropship_provider_id, name, resource_type, hash, enabled, over_limit, automatically_connect,
    automatically_connect_by_barcode, case_insensitive_skus, allocation_buffer, settings, secrets
) VALUES (
    :account_id, :dropship_provider_id, :name, :resource_type, :hash, :enabled, :over_limit, :automatically_connect,
    :automatically_connect_by_barcode, :case_insensitive_skus, :allocation_buffer, :settings, :secrets
)
RETURNING *;

-- name: version_keep(account_id, id, who, most)!
-- What is about to be replaced, held by feed_lock; of each feed the last ones stay.
WITH kept AS (
    INSERT INTO feed_versions (account_id, feed_id, replaced_by, resource_type, settings)
    SELECT account_id, id, :who, resource_type, settings FROM inventory_feeds
    WHERE account_id = :account_id AND id = :id
)
DELETE FROM feed_versions
WHERE account_id = :account_id AND feed_id = :id AND id <= (
    SELECT id FROM feed_versions WHERE account_id = :account_id AND feed_id = :id ORDER BY id DESC OFFSET :most - 1 LIMIT 1
);

-- name: feed_update(dropship_provider_id, name, resource_type, enabled, over_limit, automatically_connect, automatically_connect_by_barcode, case_insensitive_skus, allocation_buffer, settings, secrets, account_id, id)^
-- All that may be set, at once. Enabling a feed that was disabled for a reason forgets the reason.
UPDATE inventory_feeds
SET dropship_provider_id = :dropship_provider_id, name = :name, resource_type = :resource_type, enabled = :enabled,
    over_limit = :over_limit, automatically_connect = :automatically_connect,
    automatically_connect_by_barcode = :automatically_connect_by_barcode,
    case_insensitive_skus = :case_insensitive_skus, allocation_buffer = :allocation_buffer,
    settings = :settings, secrets = :secrets,
    disabled_reason = CASE WHEN :enabled THEN NULL ELSE disabled_reason END,
    updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')
WHERE account_id = :account_id AND id = :id
RETURNING *;

-- name: feed_disable(account_id, id, reason)^
UPDATE inventory_feeds
SET enabled = false, disabled_reason = :reason,
    updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')
WHERE account_id = :account_id AND id = :id AND deleted_at IS NULL
RETURNING *;

-- name: feed_rotate_hash(grace_s, hash, account_id, id)^
-- The hash before it stays valid for the grace period, and the one before that for what is left of its own. With no grace
-- both stop at once.
UPDATE inventory_feeds
SET older_hash = previous_hash, older_hash_until = least(previous_hash_until, now() + make_interval(secs => :grace_s)),
    previous_hash = hash, previous_hash_until = now() + make_interval(secs => :grace_s), hash = :hash,
    updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')
WHERE account_id = :account_id AND id = :id AND deleted_at IS NULL
RETURNING *;

-- name: feed_delete(hash, account_id, id)!
-- Marks a feed deleted: its webhook hash and credentials are gone at once, its rows when workers get to it.
UPDATE inventory_feeds
SET deleted_at = now(), enabled = false, dropship_provider_id = NULL, secrets = NULL,
    hash = :hash, previous_hash = NULL, previous_hash_until = NULL, older_hash = NULL, older_hash_until = NULL, updated_at = clock_timestamp()
WHERE account_id = :account_id AND id = :id;
