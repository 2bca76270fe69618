-- Runs as whoever asks for them sees them: the API, and the puller where it takes part.

-- name: queue_run(account_id, feed_id, trigger, forced, dry_run)^
-- One active run a feed: nothing comes back when there is one already.
INSERT INTO runs (account_id, feed_id, trigger, forced, dry_run)
VALUES (:account_id, :feed_id, :trigger, :forced, :dry_run)
ON CONFLICT (feed_id) WHERE status IN ('queued', 'fetching') DO NOTHING
RETURNING *;

-- name: active_run(account_id, feed_id)^
SELECT * FROM runs WHERE account_id = :account_id AND feed_id = :feed_id AND status IN ('queued', 'fetching');

-- name: pulled_feed(account_id, feed_id)^
-- A feed as the puller needs it.
SELECT f.id, f.account_id, f.name, f.resource_type, f.enabled, f.deleted_at IS NOT NULL AS deleted, f.settings,
       f.secrets, f.updated_at, a.time_zone
  FROM inventory_feeds f
  JOIN accounts a ON a.id = f.account_id
 WHERE f.account_id = :account_id AND f.id = :feed_id;

-- name: list_runs(account_id, feed_id, before, status, limit)
-- Newest first.
SELECT * FROM runs
 WHERE account_id = :account_id AND feed_id = :feed_id AND id < :before
   AND (:status::text IS NULL OR status = :status)
 ORDER BY id DESC
 LIMIT :limit;

-- name: get_run(account_id, feed_id, run_id)^
SELECT * FROM runs WHERE account_id = :account_id AND feed_id = :feed_id AND id = :run_id;

-- name: cancel_run(account_id, run_id)^
-- What no puller has taken, and what is held, ends at once, with the list of what it would have changed; the puller of
-- another one is told.
WITH cancelled AS (
    UPDATE runs SET
        cancel_requested = true,
        status = CASE WHEN status IN ('queued', 'held') THEN 'cancelled' ELSE status END,
        ended_at = CASE WHEN status = 'queued' THEN now() ELSE ended_at END
     WHERE account_id = :account_id AND id = :run_id AND status IN ('queued', 'fetching', 'held')
    RETURNING *),
dropped AS (
    DELETE FROM run_diff_chunks USING cancelled WHERE run_id = cancelled.id AND cancelled.status = 'cancelled')
SELECT * FROM cancelled;

-- name: approve_run(account_id, run_id)^
-- Nothing comes back when another run of the feed is active (unique index) or this one is not held.
UPDATE runs SET
    status = 'queued', queued_at = now(), approved_at = now(), ended_at = NULL, error_code = NULL, error = NULL, attempt = 0
 WHERE account_id = :account_id AND id = :run_id AND status = 'held'
   AND NOT EXISTS (SELECT FROM runs r WHERE r.feed_id = runs.feed_id AND r.status IN ('queued', 'fetching'))
RETURNING *;

-- name: rejects_of_run(account_id, run_id, limit)
SELECT r.* FROM run_rejects r JOIN runs ON runs.id = r.run_id
 WHERE runs.account_id = :account_id AND r.run_id = :run_id
 ORDER BY r.position
 LIMIT :limit;

-- name: stored_items(account_id, feed_id, external_ids)
-- What the table holds for these items, for a preview's comparison: the hot attributes have their own names, as
-- `schemas.comparison` expects.
SELECT v.external_id, v.id, v.charged, coalesce(d.attributes, '{}'::jsonb) AS details,
       v.vendor_sku AS "vendorSku", v.barcode AS "barcode", v.inventory_quantity AS "inventoryQuantity",
       v.manual_inventory_quantity AS "manualInventoryQuantity", v.allocation_buffer_override AS "allocationBufferOverride",
       v.inventory_policy AS "inventoryPolicy", v.inventory_quantity_override AS "inventoryQuantityOverride",
       v.cost_price::text AS "costPrice", v.retail_price::text AS "retailPrice", v.compare_at_price::text AS "compareAtPrice"
  FROM feed_variants v
  LEFT JOIN feed_variant_details d ON d.account_id = v.account_id AND d.feed_variant_id = v.id
 WHERE v.account_id = :account_id AND v.feed_id = :feed_id AND v.external_id = ANY(:external_ids);

-- name: feeds_flags(account_id, feed_ids)
-- How pulled feeds are doing, as their resources tell it.
SELECT feed_id, next_fetch_at, last_run_id, last_run_status, last_run_at, last_success_at, failing_since
  FROM pull_feeds WHERE account_id = :account_id AND feed_id = ANY(:feed_ids::bigint[]);

-- name: diff_of_run(account_id, run_id)^
SELECT d.made_at, d.summary FROM run_diffs d JOIN runs r ON r.id = d.run_id
 WHERE r.account_id = :account_id AND d.run_id = :run_id;

-- name: diff_chunk(account_id, run_id, position)$
SELECT c.entries FROM run_diff_chunks c JOIN runs r ON r.id = c.run_id
 WHERE r.account_id = :account_id AND c.run_id = :run_id AND c.position = :position;
