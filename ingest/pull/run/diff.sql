-- A whole file against what is stored.

-- name: clear_diff(run_id)!
DELETE FROM run_diff_chunks WHERE run_id = :run_id;

-- name: save_diff(run_id, summary)!
INSERT INTO run_diffs (run_id, summary) VALUES (:run_id, :summary)
ON CONFLICT (run_id) DO UPDATE SET summary = excluded.summary, made_at = clock_timestamp();

-- name: save_diff_chunk(run_id, position, entries)!
INSERT INTO run_diff_chunks (run_id, position, entries) VALUES (:run_id, :position, :entries);

-- name: create_file_items()!
CREATE TEMPORARY TABLE file_items (position bigint NOT NULL, external_id text COLLATE "C" NOT NULL, item text NOT NULL)
    ON COMMIT DROP;

-- name: analyze_file_items()!
ANALYZE file_items;

-- name: compared_items
-- Each item of the file, its rows in the file's order, beside what is stored of it and what waits for the limit. The hot
-- attributes have their own names, as `schemas.comparison` expects.
SELECT i.external_id, i.items, w.item::text AS deferred, v.id,
       v.vendor_sku AS "vendorSku", v.barcode AS "barcode", v.inventory_quantity AS "inventoryQuantity",
       v.manual_inventory_quantity AS "manualInventoryQuantity", v.allocation_buffer_override AS "allocationBufferOverride",
       v.inventory_policy AS "inventoryPolicy", v.inventory_quantity_override AS "inventoryQuantityOverride",
       v.cost_price::text AS "costPrice", v.retail_price::text AS "retailPrice", v.compare_at_price::text AS "compareAtPrice", v.charged, d.attributes::text AS details
  FROM (SELECT external_id, array_agg(item ORDER BY position) AS items FROM file_items GROUP BY external_id) i
  LEFT JOIN feed_variants v ON v.account_id = $1 AND v.feed_id = $2 AND v.external_id = i.external_id
  LEFT JOIN feed_variant_details d ON d.account_id = $1 AND d.feed_variant_id = v.id
  LEFT JOIN deferred_items w ON w.account_id = $1 AND w.feed_id = $2 AND w.external_id = i.external_id
 ORDER BY i.external_id;

-- name: gone_items
-- What the clean-up would set to 0: stored or deferred with a quantity, and not in the file.
SELECT external_id, max(quantity) AS quantity, max(charged) AS charged FROM (
    SELECT external_id, inventory_quantity AS quantity, charged FROM feed_variants
     WHERE account_id = $1 AND feed_id = $2 AND inventory_quantity <> 0
     UNION ALL
    SELECT external_id, NULL, NULL FROM deferred_items
     WHERE account_id = $1 AND feed_id = $2 AND coalesce(item ->> 'inventoryQuantity', '0') <> '0') stored
 WHERE NOT EXISTS (SELECT FROM seen WHERE seen.external_id = stored.external_id)
 GROUP BY external_id
 ORDER BY external_id;

-- name: units_stored(account_id, feed_id)$
SELECT coalesce(sum(inventory_quantity), 0)::bigint FROM feed_variants WHERE account_id = :account_id AND feed_id = :feed_id;

-- name: now()$
-- The clock that gives batches their receive time, and so the day that they are charged to.
SELECT clock_timestamp();

-- name: limit_of(account_id, day)^
SELECT a.daily_sku_limit, coalesce((SELECT used FROM usage u WHERE u.account_id = a.id AND u.day = :day), 0) AS used
  FROM accounts a WHERE a.id = :account_id;
