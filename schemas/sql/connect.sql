-- Connection of feed variants to the account's variants: what worker and API must agree on.

-- name: share_variants(account_id)$
-- A worker, before it looks variants up, until it commits: no variant comes, goes or changes unseen meanwhile.
SELECT pg_advisory_xact_lock_shared(x'636f6e6e'::int, (:account_id::bigint % 2147483647)::int);

-- name: own_variants(account_id)$
-- The API, before it inserts, changes or deletes variants of an account, until it commits. Under the lock it looks for
-- the feed variants that wait for them (waiting_for): whatever a worker stored without having seen them is there.
SELECT pg_advisory_xact_lock(x'636f6e6e'::int, (:account_id::bigint % 2147483647)::int);

-- name: waiting_for(account_id, variant_ids)
-- Feed variants without a connection that the feeds' rules would connect to one of these variants (their ids),
-- for CONNECT batches: the worker applies the rules again and decides.
SELECT DISTINCT w.feed_id, w.external_id
FROM variants v
JOIN inventory_feeds f ON f.account_id = v.account_id AND f.deleted_at IS NULL
JOIN LATERAL (
    SELECT i.feed_id, i.external_id FROM feed_variants i
    WHERE f.automatically_connect AND NOT f.case_insensitive_skus AND i.account_id = v.account_id
      AND i.vendor_sku = v.sku AND i.feed_id = f.id AND i.variant_id IS NULL
    UNION ALL
    SELECT i.feed_id, i.external_id FROM feed_variants i
    WHERE f.automatically_connect AND f.case_insensitive_skus AND i.account_id = v.account_id
      AND lower(i.vendor_sku) = lower(v.sku) AND i.feed_id = f.id AND i.variant_id IS NULL
    UNION ALL
    SELECT i.feed_id, i.external_id FROM feed_variants i
    WHERE f.automatically_connect_by_barcode AND i.account_id = v.account_id
      AND i.barcode = v.barcode AND i.feed_id = f.id AND i.variant_id IS NULL
) w ON true
WHERE v.account_id = :account_id AND v.id = ANY (:variant_ids::bigint[])
ORDER BY w.feed_id, w.external_id;

-- name: match_sku
SELECT DISTINCT k.account_id, k.value, v.id
FROM unnest($1::text::bigint[], $2::text::text[]) AS k (account_id, value)
JOIN variants v ON v.account_id = k.account_id AND v.sku = k.value;

-- name: match_sku_in_any_case
SELECT DISTINCT k.account_id, k.value, v.id
FROM unnest($1::text::bigint[], $2::text::text[]) AS k (account_id, value)
JOIN variants v ON v.account_id = k.account_id AND lower(v.sku) = lower(k.value);

-- name: match_barcode
SELECT DISTINCT k.account_id, k.value, v.id
FROM unnest($1::text::bigint[], $2::text::text[]) AS k (account_id, value)
JOIN variants v ON v.account_id = k.account_id AND v.barcode = k.value;

-- name: match_id
SELECT DISTINCT k.account_id, k.value, v.id
FROM unnest($1::bigint[], $2::bigint[]) AS k (account_id, value)
JOIN variants v ON v.account_id = k.account_id AND v.id = k.value;

-- name: connectable_rows
SELECT k.n, v.id, v.variant_id, v.vendor_sku, v.barcode, v.last_change
FROM unnest($1::text::bigint[], $2::text::bigint[], $3::text::text[]) WITH ORDINALITY AS k (account_id, feed_id, external_id, n)
JOIN feed_variants v ON v.account_id = k.account_id AND v.feed_id = k.feed_id AND v.external_id = k.external_id;

-- name: connect_rows!
UPDATE feed_variants v
SET variant_id = u.variant_id, updated_at = $1::timestamptz,
    last_change = CASE WHEN $2::boolean THEN (SELECT pg_current_xact_id()::text::bigint << 12) ELSE v.last_change END
FROM unnest($3::bigint[], $4::bigint[], $5::bigint[]) AS u (account_id, id, variant_id)
WHERE v.account_id = u.account_id AND v.id = u.id;
