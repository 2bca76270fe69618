-- An account as a whole: bounded looks along indexes, no open-ended counts.

-- name: taking(account_id, feed_ids, since, most)^
-- Seconds from post to commit, by the newest receipts of each feed since then: half of them, and 99 of 100, took no more.
SELECT count(*) AS batches, percentile_disc(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY r.seconds) AS ranks
FROM unnest(:feed_ids::bigint[]) AS f (id)
CROSS JOIN LATERAL (
    SELECT greatest(0, extract(epoch FROM applied_at - received_at))::float8 AS seconds FROM receipts
    WHERE account_id = :account_id AND feed_id = f.id AND received_at >= :since
      AND received_at < now() + interval '1 hour'
    ORDER BY received_at DESC LIMIT :most
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
      AND feed_minutes.minute < now() + interval '1 hour'
) m
GROUP BY m.minute ORDER BY m.minute;

-- name: oldest(account_id, shards)^
-- The oldest batch that any of these shards has in hand and not applied, as their owners told last.
SELECT min(s.oldest_at) AS oldest_at, min(s.written_at) AS told_at
FROM accounts a JOIN shard_state s ON s.shard = ANY (:shards::integer[])
WHERE a.id = :account_id;

-- name: dead_count(account_id)$
-- Dead letters that wait for somebody.
SELECT coalesce(sum(n), 0)::bigint FROM dead_letter_tallies WHERE account_id = :account_id AND status = 'dead';

-- name: canary(account_id, shards)^
-- When the canary of each shard last went the whole way, the longest ago first; and the stage that the last one that
-- failed did not reach. Of the whole fleet.
SELECT c.shard, c.arrived_at, c.failed_at, c.stage, c.reason
  FROM accounts a JOIN canaries c ON c.shard = ANY (:shards::integer[])
 WHERE a.id = :account_id
 ORDER BY c.arrived_at NULLS FIRST, c.shard LIMIT 1;
