-- Usage over time: the days, the samples of the days that a forecast is made by, what waits.

-- name: days(account_id, since)
SELECT day, used FROM usage WHERE account_id = :account_id AND day >= :since::date ORDER BY day;

-- name: first_sample(account_id)$
-- The day of the oldest sample: along the key.
SELECT day FROM usage_samples WHERE account_id = :account_id ORDER BY sampled_at LIMIT 1;

-- name: samples(account_id, since, days)
-- Of these days alone; along the key.
SELECT day, sampled_at, used FROM usage_samples
WHERE account_id = :account_id AND sampled_at >= :since AND day = ANY (:days::date[])
ORDER BY sampled_at;

-- name: by_feed(account_id, since, most)
-- Items created or changed since then, of the account's first feeds: along the key, feed by feed.
SELECT f.id, f.name, m.changed, m.deferred
FROM (SELECT id, name FROM inventory_feeds WHERE account_id = :account_id AND deleted_at IS NULL ORDER BY id LIMIT :most) f
CROSS JOIN LATERAL (
    SELECT sum(created + updated)::bigint AS changed, sum(deferred)::bigint AS deferred FROM feed_minutes
    WHERE feed_minutes.account_id = :account_id AND feed_minutes.feed_id = f.id AND feed_minutes.minute >= :since
) m
WHERE m.changed > 0 OR m.deferred > 0
ORDER BY m.changed DESC, f.id;

-- name: waiting(account_id, limit)
-- The first of those that wait, in the order in which they are released.
SELECT d.feed_id, f.name AS feed_name, d.external_id, d.deferred_at
FROM deferred_items d LEFT JOIN inventory_feeds f ON f.id = d.feed_id AND f.account_id = d.account_id
WHERE d.account_id = :account_id AND d.position IS NOT NULL
ORDER BY d.position LIMIT :limit;

-- name: today(account_id, at)^
SELECT a.time_zone, a.daily_sku_limit, (:at::timestamptz AT TIME ZONE a.time_zone)::date AS day, coalesce(u.used, 0) AS used,
       (SELECT count(*) FROM deferred_items d WHERE d.account_id = a.id) AS deferred
FROM accounts a
LEFT JOIN usage u ON u.account_id = a.id AND u.day = (:at::timestamptz AT TIME ZONE a.time_zone)::date
WHERE a.id = :account_id;
