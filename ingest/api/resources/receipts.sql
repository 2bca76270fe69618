-- Receipts and usage as the API reads them. A batch id may stand in several days' partitions (an Idempotency-Key may
-- be used again after a day): the newest counts.

-- name: receipt_get(account_id, batch_id, feeds)^
SELECT batch_id, feed_id, run_id, source, received_at, applied_at, counts::text AS counts, items
FROM receipts
WHERE account_id = :account_id AND batch_id = :batch_id
  AND (:feeds::bigint[] IS NULL OR feed_id = ANY (:feeds::bigint[]))
ORDER BY received_at DESC
LIMIT 1;

-- name: receipts_of_key(account_id, first, last, batch_id)
-- Other batches whose sender gave the same Idempotency-Key: their ids lie side by side (schemas/batches.py).
SELECT DISTINCT batch_id FROM receipts
WHERE account_id = :account_id AND batch_id BETWEEN :first AND :last AND batch_id <> :batch_id
  AND source IN ('webhook', 'api')
ORDER BY batch_id LIMIT 10;

-- part: of_feed
WHERE receipts.account_id = :account_id AND receipts.feed_id = f.id
  AND received_at >= coalesce(:received_from::timestamptz, '-infinity')
  AND received_at < coalesce(:received_to::timestamptz, 'infinity')
  AND received_at <= coalesce(:before_at::timestamptz, 'infinity')
  AND (received_at, batch_id) < (
      coalesce(:before_at::timestamptz, 'infinity'), coalesce(:before_id::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
  )
  AND (:outcome::text IS NULL OR counts ? :outcome::text)
ORDER BY received_at DESC, batch_id DESC

-- name: receipt_list(account_id, feeds, feed_id, received_from, received_to, outcome, before_at, before_id, limit)
-- Newest first, along the index (account_id, feed_id, received_at), so a page costs the same however many receipts there
-- are: those of a page are of the feeds whose own newest is newest, and there are no more of them than a page has rows.
-- The key continues exactly where the page before ended. A feed is asked twice, on purpose: which feeds are newest is
-- asked of the index, one row a feed; at once, whole pages of every feed would be read to be thrown away.
SELECT r.batch_id, r.feed_id, r.run_id, r.source, r.received_at, r.applied_at, r.counts::text AS counts,
       extract(epoch FROM r.received_at)::numeric(20, 6) || '_' || r.batch_id AS cursor
FROM (
    SELECT f.id
    FROM inventory_feeds f
    CROSS JOIN LATERAL (
        SELECT received_at, batch_id FROM receipts
        {of_feed}
        LIMIT 1
    ) n
    WHERE f.account_id = :account_id
      AND (:feed_id::bigint IS NULL OR f.id = :feed_id::bigint)
      AND (:feeds::bigint[] IS NULL OR f.id = ANY (:feeds::bigint[]))
    ORDER BY n.received_at DESC, n.batch_id DESC
    LIMIT :limit
) f
CROSS JOIN LATERAL (
    SELECT * FROM receipts
    {of_feed}
    LIMIT :limit
) r
ORDER BY r.received_at DESC, r.batch_id DESC
LIMIT :limit;

-- name: usage_get(account_id, at, feeds)^
-- The account's day at a time, what is used of it, and what waits.
SELECT a.time_zone, a.daily_sku_limit, (:at::timestamptz AT TIME ZONE a.time_zone)::date AS day,
       coalesce(u.used, 0) AS used,
       (SELECT count(*) FROM deferred_items d WHERE d.account_id = a.id
          AND (:feeds::bigint[] IS NULL OR d.feed_id = ANY (:feeds::bigint[]))) AS deferred
FROM accounts a
LEFT JOIN usage u ON u.account_id = a.id AND u.day = (:at::timestamptz AT TIME ZONE a.time_zone)::date
WHERE a.id = :account_id;
