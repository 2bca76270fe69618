-- Why items wait: the shards' last words, and what the account's feeds did lately.

-- name: feeds(account_id)
SELECT id, name, enabled FROM inventory_feeds WHERE account_id = :account_id AND deleted_at IS NULL ORDER BY id;

-- name: shards(account_id, shards, timeout)
-- Each shard's last word; `alive`: its worker lives, and the word is fresh, so that it is the owner's still.
SELECT n.shard, s.worker_id, s.host, s.since, s.oldest_at, s.applied_at, s.empty_at, s.waits_for, s.waits_reason,
       s.feeds, s.written_at,
       coalesce(w.heartbeat_at > now() - :timeout::interval AND s.written_at > now() - :timeout::interval, false) AS alive
FROM accounts a
CROSS JOIN unnest(:shards::integer[]) AS n (shard)
LEFT JOIN shard_state s ON s.shard = n.shard
LEFT JOIN workers w ON w.id = s.worker_id
WHERE a.id = :account_id
ORDER BY n.shard;

-- name: minutes(account_id, feed_ids, feed_shards, since)
-- What the feeds of each shard did in each minute since then, and which they were: along the key.
SELECT f.shard, m.minute, max(m.lag_ms) AS lag_ms, array_agg(f.id) AS feed_ids,
       sum(m.created + m.updated + m.unchanged + m.superseded + m.deferred + m.rejected + m.dead)::bigint AS items
FROM unnest(:feed_ids::bigint[], :feed_shards::integer[]) AS f (id, shard)
CROSS JOIN LATERAL (
    SELECT * FROM feed_minutes
    WHERE feed_minutes.account_id = :account_id AND feed_minutes.feed_id = f.id AND feed_minutes.minute >= :since
      AND feed_minutes.minute < now() + interval '1 hour'
) m
GROUP BY f.shard, m.minute ORDER BY m.minute;

-- name: on_purpose(account_id, feed_ids, most)^
-- What waits because somebody wants it so; deferred items counted up to a bound.
SELECT a.time_zone, a.daily_sku_limit,
       (SELECT count(*) FROM (SELECT FROM deferred_items WHERE account_id = a.id LIMIT :most) d) AS deferred,
       (SELECT count(*) FROM pull_feeds p WHERE p.feed_id = ANY (:feed_ids::bigint[]) AND p.account_id = a.id
           AND p.last_run_status = 'held') AS held
FROM accounts a WHERE a.id = :account_id;

-- name: workers(account_id, timeout)
-- Everybody on the live list, the newest heartbeat first.
SELECT w.id, w.host, w.pid, w.started_at, w.heartbeat_at, w.stops_at,
       w.heartbeat_at > now() - :timeout::interval AS alive
FROM accounts a CROSS JOIN workers w WHERE a.id = :account_id
ORDER BY w.heartbeat_at DESC LIMIT 200;
