-- Variants as the API shows and changes them. A filter that is null is folded away, for the API plans each query anew.

-- part: with_values
(:sku::text IS NULL OR w.sku = :sku::text)
  AND (:barcode::text IS NULL OR w.barcode = :barcode::text)

-- part: named
w.name IS NOT NULL
  AND lower(w.name) ~>=~ lower(:prefix::text) AND lower(w.name) ~<~ (lower(:prefix::text) || chr(1114111))

-- name: variant_list(account_id, ids, after, sku, barcode, limit)
-- A page, or (ids) certain ones.
-- Available is what the connected feed variants may sell together; null while none is connected.
SELECT w.*, (
    SELECT sum(available_quantity(v.inventory_quantity, v.inventory_quantity_override, v.manual_inventory_quantity,
                                  coalesce(v.allocation_buffer_override, f.allocation_buffer)))
    FROM feed_variants v JOIN inventory_feeds f ON f.id = v.feed_id AND f.enabled AND f.deleted_at IS NULL
    WHERE v.account_id = w.account_id AND v.variant_id = w.id
)::bigint AS available_quantity
FROM variants w
WHERE w.account_id = :account_id AND w.id > coalesce(:after::bigint, 0)
  AND (:ids::bigint[] IS NULL OR w.id = ANY (:ids::bigint[]))
  AND {with_values}
ORDER BY w.id
LIMIT :limit;

-- name: variant_ids_newest(account_id, before, sku, barcode, limit)
SELECT w.id, w.id::text AS cursor FROM variants w
WHERE w.account_id = :account_id AND w.id < :before
  AND {with_values}
ORDER BY w.id DESC LIMIT :limit;

-- name: variant_ids_by_sku(account_id, after, sku, barcode, limit)
SELECT w.id, w.id || '_' || w.sku AS cursor FROM variants w
WHERE w.account_id = :account_id AND (:after::text IS NULL OR w.sku > :after::text)
  AND {with_values}
ORDER BY w.sku LIMIT :limit;

-- name: variant_ids_by_name(account_id, after, after_id, prefix, sku, barcode, limit)
-- Byte by byte, as the index is: what a prefix finds lies side by side in it.
SELECT w.id, w.id || '_' || lower(w.name) AS cursor FROM variants w
WHERE w.account_id = :account_id AND {named}
  AND (:after::text IS NULL OR lower(w.name) ~>=~ :after::text)
  AND (:after::text IS NULL OR lower(w.name) ~>~ :after::text OR w.id > :after_id::bigint)
  AND {with_values}
ORDER BY lower(w.name) USING ~<~, w.id LIMIT :limit;

-- name: variant_count(account_id, sku, barcode, prefix, most)$
-- How many a filter finds, up to a bound.
SELECT count(*) FROM (
    SELECT FROM variants w
    WHERE w.account_id = :account_id AND {with_values} AND (:prefix::text IS NULL OR ({named}))
    LIMIT :most + 1) found;

-- name: variant_lock(account_id, id)^
SELECT * FROM variants WHERE account_id = :account_id AND id = :id FOR UPDATE;

-- name: variant_skus(account_id, skus)
-- Which of these SKUs the account has already.
SELECT sku FROM variants WHERE account_id = :account_id AND sku = ANY (:skus::text[]);

-- name: variant_create(account_id, skus, barcodes, names)
INSERT INTO variants (account_id, sku, barcode, name)
SELECT :account_id::bigint, u.sku, u.barcode, u.name
FROM unnest(:skus::text[], :barcodes::text[], :names::text[]) AS u (sku, barcode, name)
RETURNING id;

-- name: variant_update(account_id, id, sku, barcode, name)!
UPDATE variants SET sku = :sku, barcode = :barcode, name = :name, updated_at = clock_timestamp()
WHERE account_id = :account_id AND id = :id;

-- name: variant_delete(account_id, id)!
DELETE FROM variants WHERE account_id = :account_id AND id = :id;

-- name: connected_to(account_id, variant_ids)
-- The feed variants that a deleted variant leaves behind.
SELECT feed_id, external_id FROM feed_variants
WHERE account_id = :account_id AND variant_id = ANY (:variant_ids::bigint[])
ORDER BY feed_id, external_id;
