-- Find what a text names: exactly, or as a beginning. Each part looks along an index, and at few rows.

-- name: search(account_id, text, beyond, most)
-- `beyond` is the text with a character behind it that sorts after all others.
(SELECT 'sku' AS by, w.sku AS value, w.id, w.sku AS name, NULL::bigint AS feed_id
   FROM variants w WHERE w.account_id = :account_id AND w.sku >= :text AND w.sku < :beyond AND starts_with(w.sku, :text)
  ORDER BY w.sku LIMIT :most)
UNION ALL
(SELECT 'barcode', w.barcode, w.id, w.sku, NULL
   FROM variants w
  WHERE w.account_id = :account_id AND w.barcode >= :text AND w.barcode < :beyond AND starts_with(w.barcode, :text)
  ORDER BY w.barcode LIMIT :most)
UNION ALL
(SELECT 'externalId', i.external_id, i.id, i.external_id, f.id
   FROM (SELECT id FROM inventory_feeds WHERE account_id = :account_id AND deleted_at IS NULL ORDER BY id LIMIT 1000) f
  CROSS JOIN LATERAL (
        SELECT v.external_id, v.id FROM feed_variants v
         WHERE v.account_id = :account_id AND v.feed_id = f.id AND v.external_id >= :text AND v.external_id < :beyond
         ORDER BY v.external_id LIMIT :most) i
  ORDER BY i.external_id, f.id LIMIT :most)
UNION ALL
(SELECT 'vendorSku', v.vendor_sku, v.id, v.external_id, v.feed_id
   FROM feed_variants v
  WHERE v.account_id = :account_id AND v.vendor_sku >= :text AND v.vendor_sku < :beyond
    AND starts_with(v.vendor_sku, :text)
  ORDER BY v.vendor_sku LIMIT :most)
UNION ALL
(SELECT 'vendorBarcode', v.barcode, v.id, v.external_id, v.feed_id
   FROM feed_variants v
  WHERE v.account_id = :account_id AND v.barcode >= :text AND v.barcode < :beyond AND starts_with(v.barcode, :text)
  ORDER BY v.barcode LIMIT :most);

-- name: run_of(account_id, id)^
SELECT id, feed_id FROM runs WHERE account_id = :account_id AND id = :id;

-- name: names_of(account_id, ids)
SELECT id, name FROM inventory_feeds WHERE account_id = :account_id AND id = ANY (:ids::bigint[]);
