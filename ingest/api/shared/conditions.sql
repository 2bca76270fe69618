-- How feeds are doing.

-- name: conditions(account_id, after, feed_id, limit)
-- Feeds with what their condition is judged by, all of them or a page.
SELECT f.id, f.name, f.resource_type, f.enabled, f.disabled_reason, f.previous_hash_until,
       f.settings ->> 'fetchFrequency' AS frequency, f.settings ->> 'automatedFetching' AS automated,
       f.settings ->> 'fetchCron' AS cron, f.settings ->> 'fetchTimeZone' AS fetch_zone,  -- of settings that may be large
       f.dropship_provider_id, d.name AS provider_name, a.time_zone,
       p.last_run_id, p.last_run_status, p.last_success_at, p.failing_since, p.next_fetch_at, r.error AS last_error
FROM (
    SELECT * FROM inventory_feeds
    WHERE account_id = :account_id AND deleted_at IS NULL AND id > coalesce(:after::bigint, 0)
      AND (:feed_id::bigint IS NULL OR id = :feed_id::bigint)
    ORDER BY id LIMIT :limit
) f  -- the page first: what follows looks at its feeds alone
JOIN accounts a ON a.id = f.account_id
LEFT JOIN dropship_providers d ON d.id = f.dropship_provider_id
LEFT JOIN pull_feeds p ON p.feed_id = f.id
LEFT JOIN runs r ON r.id = p.last_run_id AND (p.failing_since IS NOT NULL OR p.last_run_status = 'held')
ORDER BY f.id;

-- name: posts(account_id, feed_ids, after, most)
-- When the newest posts of each feed came that came after a moment, as seconds since 1970, the newest first: along the
-- index. The moment lets days before it, and days to come, be left unopened.
SELECT f.id AS feed_id, n.came
FROM unnest(:feed_ids::bigint[], :after::float8[]) AS f (id, after)
CROSS JOIN LATERAL (
    SELECT array_agg(newest.at) AS came FROM (
        SELECT extract(epoch FROM received_at)::float8 AS at FROM receipts
        WHERE account_id = :account_id AND feed_id = f.id AND received_at > to_timestamp(f.after)
          AND received_at < now() + interval '1 hour'
        ORDER BY received_at DESC LIMIT :most
    ) newest
) n
WHERE n.came IS NOT NULL;
