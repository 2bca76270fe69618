-- How many a filter finds, up to a bound. A filter that is null is folded away, for the API plans each query anew.

-- name: feed_variant_count(account_id, feeds, feed_id, provider_id, external_id, vendor_sku, barcode, connected, variant_id, updated_since, name_prefix, most, most_looked_at)^
-- Along an index where there is one, else along the primary key; no further than it must.
WITH looked AS (
    SELECT i.id, i.variant_id, i.updated_at
    FROM inventory_feeds f
    CROSS JOIN LATERAL (
        SELECT id, variant_id, updated_at FROM feed_variants i
        WHERE i.account_id = :account_id AND i.feed_id = f.id
          AND (:external_id::text IS NULL OR i.external_id = :external_id::text)
          AND (:vendor_sku::text IS NULL OR i.vendor_sku = :vendor_sku::text)
          AND (:barcode::text IS NULL OR i.barcode = :barcode::text)
          AND (:variant_id::bigint IS NULL OR i.variant_id = :variant_id::bigint)
        LIMIT :most_looked_at + 1
    ) i
    WHERE f.account_id = :account_id AND f.deleted_at IS NULL
      AND (:feed_id::bigint IS NULL OR f.id = :feed_id::bigint)
      AND (:feeds::bigint[] IS NULL OR f.id = ANY (:feeds::bigint[]))
      AND (:provider_id::bigint IS NULL OR f.dropship_provider_id = :provider_id::bigint)
    LIMIT :most_looked_at + 1
)
SELECT c.found, CASE WHEN c.found <= :most THEN (SELECT count(*) FROM looked) ELSE 0 END AS looked_at
FROM (SELECT count(*) AS found FROM (
    SELECT FROM looked
    WHERE (:connected::boolean IS NULL OR (variant_id IS NOT NULL) = :connected::boolean)
      AND (:updated_since::timestamptz IS NULL OR updated_at >= :updated_since::timestamptz)
      AND (:name_prefix::text IS NULL OR EXISTS (
          SELECT FROM feed_variant_details d WHERE d.account_id = :account_id AND d.feed_variant_id = looked.id
             AND starts_with(lower(d.attributes ->> 'name'), lower(:name_prefix::text))))
    LIMIT :most + 1) matching) c;

-- name: variant_count(account_id, sku, barcode, prefix, most)$
SELECT count(*) FROM (
    SELECT FROM variants w
    WHERE w.account_id = :account_id
      AND (:sku::text IS NULL OR w.sku = :sku::text)
      AND (:barcode::text IS NULL OR w.barcode = :barcode::text)
      AND (:prefix::text IS NULL OR (w.name IS NOT NULL AND lower(w.name) ~>=~ lower(:prefix::text)
                                     AND lower(w.name) ~<~ (lower(:prefix::text) || chr(1114111))))
    LIMIT :most + 1) found;
