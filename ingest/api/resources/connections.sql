-- What is not connected, and what it may mean. Each page looks at so many rows along an index, however many there are.

-- name: unconnected(account_id, feed_id, after_key, after_id, most)
-- With a SKU and without a variant, in the order of the SKU. `matches`: how many variants the feed's rules find, 2 at most.
WITH looked AS MATERIALIZED (
    SELECT i.id, i.feed_id, i.external_id, i.vendor_sku, i.barcode, lower(i.vendor_sku) AS key
    FROM feed_variants i
    WHERE i.account_id = :account_id AND i.vendor_sku IS NOT NULL AND i.variant_id IS NULL
      AND lower(i.vendor_sku) >= coalesce(:after_key::text, '')
      AND (lower(i.vendor_sku), i.id) > (coalesce(:after_key::text, ''), coalesce(:after_id::bigint, 0))
    ORDER BY lower(i.vendor_sku), i.id
    LIMIT :most
)
SELECT l.*, f.name AS feed_name, NULL::bigint AS variant_id, NULL::text AS sku,
       f.id = coalesce(:feed_id::bigint, f.id) AS wanted,
       (SELECT count(*) FROM (
            SELECT v.id FROM variants v
            WHERE f.automatically_connect AND f.case_insensitive_skus AND v.account_id = :account_id AND lower(v.sku) = l.key
            UNION
            SELECT v.id FROM variants v
            WHERE f.automatically_connect_by_barcode AND v.account_id = :account_id AND v.barcode = l.barcode
            LIMIT 2
        ) m) > 1 AS ambiguous
FROM looked l
JOIN inventory_feeds f ON f.id = l.feed_id AND f.account_id = :account_id
ORDER BY l.key, l.id;

-- name: without_sku(account_id, feed_id, after_id, most)
-- Neither SKU nor variant, in the order of their ids.
WITH looked AS MATERIALIZED (
    SELECT i.id, i.feed_id, i.external_id, i.vendor_sku, i.barcode, i.variant_id
    FROM feed_variants i
    WHERE i.account_id = :account_id AND i.id > coalesce(:after_id::bigint, 0)
    ORDER BY i.id LIMIT :most
)
SELECT l.*, '0' AS key, f.name AS feed_name, NULL::text AS sku, false AS ambiguous,
       l.vendor_sku IS NULL AND l.variant_id IS NULL AND f.id = coalesce(:feed_id::bigint, f.id) AS wanted
FROM looked l
JOIN inventory_feeds f ON f.id = l.feed_id AND f.account_id = :account_id
ORDER BY l.id;

-- name: by_hand(account_id, feed_id, after_variant, after_id, most)
-- Connected to a variant that no rule of the feed finds, in the order of the variants.
WITH looked AS MATERIALIZED (
    SELECT i.id, i.feed_id, i.external_id, i.vendor_sku, i.barcode, i.variant_id
    FROM feed_variants i
    WHERE i.account_id = :account_id AND i.variant_id IS NOT NULL
      AND i.variant_id >= coalesce(:after_variant::bigint, 0)
      AND (i.variant_id, i.id) > (coalesce(:after_variant::bigint, 0), coalesce(:after_id::bigint, 0))
    ORDER BY i.variant_id, i.id LIMIT :most
)
SELECT l.*, l.variant_id::text AS key, f.name AS feed_name, v.sku, false AS ambiguous,
       f.id = coalesce(:feed_id::bigint, f.id)
       AND NOT coalesce(f.automatically_connect AND l.vendor_sku = v.sku, false)
       AND NOT coalesce(f.automatically_connect AND f.case_insensitive_skus AND lower(l.vendor_sku) = lower(v.sku), false)
       AND NOT coalesce(f.automatically_connect_by_barcode AND l.barcode = v.barcode, false) AS wanted
FROM looked l
JOIN inventory_feeds f ON f.id = l.feed_id AND f.account_id = :account_id
LEFT JOIN variants v ON v.account_id = :account_id AND v.id = l.variant_id
ORDER BY l.variant_id, l.id;

-- name: by_skus(account_id, keys, most)
-- Variants by their SKUs in lower case, few of each.
SELECT k.key, v.id, v.sku, v.name, v.barcode
FROM unnest(:keys::text[]) AS k (key)
CROSS JOIN LATERAL (
    SELECT id, sku, name, barcode FROM variants
    WHERE account_id = :account_id AND lower(sku) = k.key ORDER BY id LIMIT :most
) v;

-- name: by_barcodes(account_id, keys, most)
SELECT k.key, v.id, v.sku, v.name, v.barcode
FROM unnest(:keys::text[]) AS k (key)
CROSS JOIN LATERAL (
    SELECT id, sku, name, barcode FROM variants
    WHERE account_id = :account_id AND barcode = k.key ORDER BY id LIMIT :most
) v;

-- name: names(account_id, ids)
SELECT feed_variant_id AS id, attributes ->> 'name' AS name FROM feed_variant_details
WHERE account_id = :account_id AND feed_variant_id = ANY (:ids::bigint[]);

-- name: rules(account_id, most)
-- What the rules that a feed does not follow would connect of the first rows without a variant: to exactly one, or to
-- more than one and so to none.
WITH looked AS MATERIALIZED (
    SELECT i.feed_id, i.vendor_sku, i.barcode, lower(i.vendor_sku) AS key
    FROM feed_variants i
    WHERE i.account_id = :account_id AND i.vendor_sku IS NOT NULL AND i.variant_id IS NULL
    ORDER BY lower(i.vendor_sku) LIMIT :most
),
found AS MATERIALIZED (
    SELECT f.id, f.name,
           CASE WHEN NOT f.case_insensitive_skus THEN (SELECT count(*) FROM (
               SELECT FROM variants v WHERE v.account_id = :account_id AND lower(v.sku) = l.key LIMIT 2) m) END AS any_case,
           CASE WHEN NOT f.automatically_connect_by_barcode AND l.barcode IS NOT NULL THEN (SELECT count(*) FROM (
               SELECT FROM variants v WHERE v.account_id = :account_id AND v.barcode = l.barcode LIMIT 2) m) END AS barcode
    FROM looked l JOIN inventory_feeds f ON f.id = l.feed_id AND f.account_id = :account_id AND f.deleted_at IS NULL
)
SELECT id, name, count(*) AS rows,
       count(*) FILTER (WHERE any_case = 1) AS any_case, count(*) FILTER (WHERE any_case > 1) AS any_case_ambiguous,
       count(*) FILTER (WHERE barcode = 1) AS barcode, count(*) FILTER (WHERE barcode > 1) AS barcode_ambiguous
FROM found GROUP BY id, name ORDER BY count(*) DESC, id;
