-- The duties that one worker at a time does: dead letters of the broker, released items, pruning.

-- name: batch_was_applied(account_id, batch_id, received_at)$
-- A batch that committed each time and whose acks were lost each time is not dead.
SELECT EXISTS (
    SELECT FROM receipts
     WHERE account_id = :account_id AND batch_id = :batch_id
       AND received_at > :received_at::timestamptz - interval '24 hours');

-- name: dead_message_is_stored(payload)$
-- Whether a message that comes again was stored before its ack was lost.
SELECT EXISTS (SELECT FROM dead_letters WHERE payload = :payload AND dead_at > now() - interval '1 day');

-- name: write_dead_receipt(account_id, batch_id, received_at, feed_id, run_id, source, counts, items)!
-- Its items are accounted for like all others.
INSERT INTO receipts (account_id, batch_id, received_at, feed_id, run_id, source, applied_at, counts, items)
VALUES (:account_id, :batch_id, :received_at, :feed_id, :run_id, :source, now(), :counts::text::jsonb, :items)
ON CONFLICT DO NOTHING;

-- name: accounts_with_deferred
-- One index look-up an account, however many items wait.
SELECT a.id, a.daily_sku_limit, a.time_zone
  FROM accounts a
 WHERE EXISTS (SELECT FROM deferred_items d WHERE d.account_id = a.id)
 ORDER BY a.id;

-- name: used(account_id, day)$
SELECT used FROM usage WHERE account_id = :account_id AND day = :day;

-- name: oldest_deferred(account_id, most)
SELECT feed_id, external_id, position
  FROM deferred_items
 WHERE account_id = :account_id AND position IS NOT NULL  -- which names the partial index
 ORDER BY position
 LIMIT :most;

-- name: partitions_of(name)
SELECT c.relname AS name
  FROM pg_inherits i
  JOIN pg_class c ON c.oid = i.inhrelid
 WHERE i.inhparent = :name::text::regclass
 ORDER BY c.relname;

-- name: prune_usage(before)!
DELETE FROM usage WHERE day < :before;

-- name: sample_usage(at)!
-- How far each account's day is used; the same moment twice is one sample.
INSERT INTO usage_samples (account_id, sampled_at, day, used)
SELECT u.account_id, :at, u.day, u.used
  FROM accounts a
  JOIN usage u ON u.account_id = a.id AND u.day = (:at AT TIME ZONE a.time_zone)::date
ON CONFLICT DO NOTHING;

-- name: prune_usage_samples(before)!
-- By the primary key, account by account: what fell out since the last time is little.
DELETE FROM usage_samples s
 USING (SELECT id FROM accounts) a
 WHERE s.account_id = a.id AND s.sampled_at < :before;

-- name: prune_attempts(before)!
DELETE FROM attempts WHERE begun_at < :before;

-- name: deleted_feeds
SELECT id, account_id FROM inventory_feeds WHERE deleted_at IS NOT NULL ORDER BY id;

-- name: purge_feed_variants(account_id, feed_id, most)$
-- A part of a deleted feed's rows, with their details; returns how many.
WITH gone AS (
    DELETE FROM feed_variants
     WHERE account_id = :account_id AND feed_id = :feed_id AND external_id IN (
        SELECT external_id FROM feed_variants
         WHERE account_id = :account_id AND feed_id = :feed_id
         ORDER BY external_id
         LIMIT :most)
    RETURNING id
), details AS (
    DELETE FROM feed_variant_details
     WHERE account_id = :account_id AND feed_variant_id IN (SELECT id FROM gone)
)
SELECT count(*) FROM gone;

-- name: lock_feed(feed_id)$
-- Waits for the windows that work on the feed, which hold its key.
SELECT id FROM inventory_feeds WHERE id = :feed_id FOR UPDATE;

-- name: purge_deferred(account_id, feed_id)!
DELETE FROM deferred_items WHERE account_id = :account_id AND feed_id = :feed_id;

-- name: purge_feed(feed_id)!
DELETE FROM inventory_feeds WHERE id = :feed_id;

-- name: deleted_accounts()
-- Those whose feeds are gone, by upkeep: nothing writes for them any more.
SELECT id FROM accounts a
WHERE deleted_at IS NOT NULL AND NOT EXISTS (SELECT FROM inventory_feeds f WHERE f.account_id = a.id)
ORDER BY id;

-- name: purge_variants(account_id, most)$
-- A part of a deleted account's variants; returns how many.
WITH gone AS (
    DELETE FROM variants WHERE account_id = :account_id AND id IN (
        SELECT id FROM variants WHERE account_id = :account_id ORDER BY id LIMIT :most)
    RETURNING id)
SELECT count(*) FROM gone;

-- name: purge_account(account_id)!
-- With it go its providers, tokens and kept answers; its receipts, events and minutes go with their days.
WITH letters AS (DELETE FROM dead_letters WHERE account_id = :account_id),
     days AS (DELETE FROM usage WHERE account_id = :account_id),
     samples AS (DELETE FROM usage_samples WHERE account_id = :account_id),
     told AS (DELETE FROM outbox WHERE account_id = :account_id)
DELETE FROM accounts WHERE id = :account_id;
