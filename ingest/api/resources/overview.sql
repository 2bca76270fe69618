-- An account as a whole: bounded looks along indexes, no open-ended counts.

-- name: recent_receipts(account_id, feed_ids, since)
-- The newest receipts of each feed since then, at most 40 a feed: a sample for times from post to commit.
SELECT extract(epoch FROM r.applied_at - r.received_at)::float8 AS seconds
FROM unnest(:feed_ids::bigint[]) AS f (id)
CROSS JOIN LATERAL (
    SELECT received_at, applied_at FROM receipts
    WHERE account_id = :account_id AND feed_id = f.id AND received_at >= :since
    ORDER BY received_at DESC LIMIT 40
) r;

-- name: minutes(account_id, feed_ids, since)
-- What the account's feeds did in each minute since then: along the key, feed by feed.
SELECT m.minute, sum(m.created)::bigint AS created, sum(m.updated)::bigint AS updated,
       sum(m.unchanged)::bigint AS unchanged, sum(m.superseded)::bigint AS superseded,
       sum(m.deferred)::bigint AS deferred, sum(m.rejected)::bigint AS rejected, sum(m.dead)::bigint AS dead,
       max(m.lag_ms) AS lag_ms
FROM unnest(:feed_ids::bigint[]) AS f (id)
CROSS JOIN LATERAL (
    SELECT * FROM feed_minutes
    WHERE feed_minutes.account_id = :account_id AND feed_minutes.feed_id = f.id AND feed_minutes.minute >= :since
) m
GROUP BY m.minute ORDER BY m.minute;

-- name: oldest(account_id, shards)^
-- The oldest batch that any of these shards has in hand and not applied, as their owners told last.
SELECT min(s.oldest_at) AS oldest_at, min(s.written_at) AS told_at
FROM accounts a JOIN shard_state s ON s.shard = ANY (:shards::integer[])
WHERE a.id = :account_id;

-- name: dead_count(account_id, most)$
-- Dead letters that wait for somebody, counted up to a bound.
SELECT count(*) FROM (
    SELECT FROM dead_letters WHERE account_id = :account_id AND status = 'dead' LIMIT :most
) counted;

-- name: feed_ids(account_id)
SELECT id FROM inventory_feeds WHERE account_id = :account_id AND deleted_at IS NULL ORDER BY id LIMIT 1000;

-- name: canary(account_id)^
-- When the canary of each shard last arrived, as the row that it wrote says; the oldest of them. Of the whole fleet.
SELECT min(to_timestamp(v.inventory_quantity)) AS arrived_at, count(v.*) AS shards
  FROM accounts me
 CROSS JOIN LATERAL (SELECT id FROM accounts WHERE plan = 'canary' ORDER BY id LIMIT 1) c
  JOIN feed_variants v ON v.account_id = c.id AND v.external_id = 'canary'
 WHERE me.id = :account_id;
