-- How feeds are doing.

-- name: conditions(account_id, after, feed_id, limit)
-- A page of feeds with what their condition is judged by. Of a push feed: its last 20 receipts give the usual gap.
SELECT f.id, f.name, f.resource_type, f.enabled, f.disabled_reason, f.settings, f.updated_at, f.previous_hash_until,
       f.dropship_provider_id, d.name AS provider_name, a.time_zone,
       p.last_run_id, p.last_run_status, p.last_run_at, p.last_success_at, p.failing_since, p.next_fetch_at, p.rows,
       r.error AS last_error, r.ended_at AS last_ended_at,
       posts.last_at AS last_post_at, posts.gap AS usual_gap
FROM (
    SELECT * FROM inventory_feeds
    WHERE account_id = :account_id AND deleted_at IS NULL AND id > coalesce(:after::bigint, 0)
      AND (:feed_id::bigint IS NULL OR id = :feed_id::bigint)
    ORDER BY id LIMIT :limit
) f  -- the page first: what follows looks at its feeds alone
JOIN accounts a ON a.id = f.account_id
LEFT JOIN dropship_providers d ON d.id = f.dropship_provider_id
LEFT JOIN pull_feeds p ON p.feed_id = f.id
LEFT JOIN runs r ON r.id = p.last_run_id
LEFT JOIN LATERAL (
    SELECT max(received_at) AS last_at, percentile_cont(0.5) WITHIN GROUP (ORDER BY gap) AS gap
    FROM (
        SELECT received_at, received_at - lag(received_at) OVER (ORDER BY received_at) AS gap
        FROM (
            SELECT received_at FROM receipts
            WHERE account_id = :account_id AND feed_id = f.id
            ORDER BY received_at DESC LIMIT 20
        ) newest
    ) gaps
) posts ON f.resource_type = 'webhook'
ORDER BY f.id;

-- name: last_runs(account_id, feed_ids, most)
-- The last runs of each of these feeds, the newest first.
SELECT r.id, r.feed_id, r.status, r.ended_at, r.rows_read, r.rows_mapped, r.rows_rejected
FROM unnest(:feed_ids::bigint[]) AS f (id)
CROSS JOIN LATERAL (
    SELECT * FROM runs
    WHERE runs.account_id = :account_id AND runs.feed_id = f.id
    ORDER BY runs.id DESC LIMIT :most
) r
ORDER BY r.feed_id, r.id DESC;
