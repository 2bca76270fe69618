-- Feed variants as the API shows them. A filter that is null is folded away, for the API plans each query anew.

-- part: shown
v.*, d.attributes, p.last_success_at AS last_fetched_at,
       v.cost_price::float8 AS cost, v.retail_price::float8 AS retail, v.compare_at_price::float8 AS compare_at,
       available_quantity(v.inventory_quantity, v.inventory_quantity_override, v.manual_inventory_quantity,
                          coalesce(v.allocation_buffer_override, f.allocation_buffer)) AS available_quantity,
       EXISTS (SELECT FROM deferred_items w WHERE w.account_id = v.account_id AND w.feed_id = v.feed_id
                  AND w.external_id = v.external_id) AS changes_pending

-- part: beside
LEFT JOIN feed_variant_details d ON d.account_id = v.account_id AND d.feed_variant_id = v.id
LEFT JOIN pull_feeds p ON p.feed_id = f.id

-- part: of_feeds
(:feed_id::bigint IS NULL OR f.id = :feed_id::bigint)
  AND (:feeds::bigint[] IS NULL OR f.id = ANY (:feeds::bigint[]))
  AND (:provider_id::bigint IS NULL OR f.dropship_provider_id = :provider_id::bigint)

-- part: with_values
(:external_id::text IS NULL OR i.external_id = :external_id::text)
      AND (:vendor_sku::text IS NULL OR i.vendor_sku = :vendor_sku::text)
      AND (:barcode::text IS NULL OR i.barcode = :barcode::text)
      AND (:variant_id::bigint IS NULL OR i.variant_id = :variant_id::bigint)

-- part: in_a_state
(:connected::boolean IS NULL OR (i.variant_id IS NOT NULL) = :connected::boolean)
      AND (:updated_since::timestamptz IS NULL OR i.updated_at >= :updated_since::timestamptz)
      AND (:name_prefix::text IS NULL OR EXISTS (
          SELECT FROM feed_variant_details n WHERE n.account_id = :account_id AND n.feed_variant_id = i.id
             AND starts_with(lower(n.attributes ->> 'name'), lower(:name_prefix::text))))

-- name: feed_variant_list(account_id, feeds, after_feed, after_external_id, until_feed, until_external_id, feed_id, provider_id, external_id, vendor_sku, barcode, connected, variant_id, updated_since, name_prefix, limit)
-- In the order of the primary key, feed by feed: a page starts where the one before ended and reads no further than it
-- must, however many rows there are.
SELECT {shown}, v.feed_id || '_' || v.external_id AS cursor
FROM inventory_feeds f
CROSS JOIN LATERAL (
    SELECT * FROM feed_variants i
    WHERE i.account_id = :account_id AND i.feed_id = f.id
      AND i.external_id > CASE WHEN f.id = :after_feed::bigint THEN :after_external_id::text ELSE '' END
      AND i.external_id <= CASE WHEN f.id = :until_feed::bigint THEN :until_external_id::text
                                ELSE repeat(chr(1114111), 256) END  -- after every text of 255 characters
      AND {with_values}
      AND {in_a_state}
    ORDER BY i.external_id
    LIMIT :limit
) v
{beside}
WHERE f.account_id = :account_id AND f.deleted_at IS NULL
  AND (:after_feed::bigint IS NULL OR f.id >= :after_feed::bigint)
  AND (:until_feed::bigint IS NULL OR f.id <= :until_feed::bigint)
  AND {of_feeds}
ORDER BY f.id, v.external_id
LIMIT :limit;

-- name: feed_variant_newest(account_id, feeds, before, feed_id, provider_id, external_id, vendor_sku, barcode, connected, variant_id, updated_since, name_prefix, most, limit)
-- Newest first, along the index of ids, which no change moves; no further than so many rows.
SELECT {shown}, v.id || '_' AS cursor
FROM (
    SELECT * FROM (
        SELECT * FROM feed_variants WHERE account_id = :account_id AND id < :before ORDER BY id DESC LIMIT :most
    ) i
    WHERE {with_values}
      AND {in_a_state}
) v
JOIN inventory_feeds f ON f.id = v.feed_id AND f.deleted_at IS NULL
{beside}
WHERE {of_feeds}
ORDER BY v.id DESC
LIMIT :limit;

-- name: feed_variant_newest_boundary(account_id, before, most)$
-- Where such a page ends at the latest.
SELECT id FROM feed_variants WHERE account_id = :account_id AND id < :before ORDER BY id DESC OFFSET :most - 1 LIMIT 1;

-- name: feed_variant_boundary(account_id, feeds, after_feed, after_external_id, feed_id, provider_id, most)^
-- Where a page ends at the latest whose filter no index answers: so many rows on, counted along the primary key.
SELECT f.id AS feed_id, i.external_id
FROM inventory_feeds f
CROSS JOIN LATERAL (
    SELECT external_id FROM feed_variants
    WHERE account_id = :account_id AND feed_id = f.id
      AND external_id > CASE WHEN f.id = :after_feed::bigint THEN :after_external_id::text ELSE '' END
    ORDER BY external_id
    LIMIT :most
) i
WHERE f.account_id = :account_id AND f.deleted_at IS NULL
  AND (:after_feed::bigint IS NULL OR f.id >= :after_feed::bigint)
  AND {of_feeds}
ORDER BY f.id, i.external_id
OFFSET :most - 1 LIMIT 1;

-- name: feed_variant_count(account_id, feeds, feed_id, provider_id, external_id, vendor_sku, barcode, connected, variant_id, updated_since, name_prefix, most, most_looked_at)^
-- Along an index where there is one, else along the primary key; no further than it must.
WITH looked AS (
    SELECT i.id, i.variant_id, i.updated_at
    FROM inventory_feeds f
    CROSS JOIN LATERAL (
        SELECT id, variant_id, updated_at FROM feed_variants i
        WHERE i.account_id = :account_id AND i.feed_id = f.id
          AND {with_values}
        LIMIT :most_looked_at + 1
    ) i
    WHERE f.account_id = :account_id AND f.deleted_at IS NULL
      AND {of_feeds}
    LIMIT :most_looked_at + 1
)
SELECT c.found, CASE WHEN c.found <= :most THEN (SELECT count(*) FROM looked) ELSE 0 END AS looked_at
FROM (SELECT count(*) AS found FROM (
    SELECT FROM looked i
    WHERE {in_a_state}
    LIMIT :most + 1) matching) c;

-- name: feed_variant_key(account_id, id)^
-- Where a feed variant stands in the list.
SELECT feed_id, external_id FROM feed_variants WHERE account_id = :account_id AND id = :id;

-- name: feed_variant_keys(account_id, ids)
-- Where these stand.
SELECT v.id, v.feed_id, v.external_id FROM feed_variants v
JOIN inventory_feeds f ON f.id = v.feed_id AND f.deleted_at IS NULL
WHERE v.account_id = :account_id AND v.id = ANY (:ids::bigint[]);

-- name: variant_exists(account_id, id)$
SELECT id FROM variants WHERE account_id = :account_id AND id = :id;

-- name: variants_known(account_id, ids)
SELECT id FROM variants WHERE account_id = :account_id AND id = ANY (:ids::bigint[]);
