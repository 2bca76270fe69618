-- Whose a batch without a receipt may be, and how its queue stands.

-- name: waiting_feeds(account_id, feeds, shards)
-- The feeds that a batch id may have been made for, each with the time before which nothing is left in its queue, as
-- the worker of its shard last said: the queue is in order, and the newest batch that was applied was received then, or
-- the queue was found empty then (docs/fleet.md).
SELECT f.id, n.shard, greatest(s.applied_received_at, s.empty_at) AS passed_at, s.oldest_at, s.waits_for
FROM inventory_feeds f
CROSS JOIN LATERAL (SELECT coalesce(shard_of_feed(f.id), f.id % :shards::bigint) AS shard) n
LEFT JOIN shard_state s ON s.shard = n.shard
WHERE f.account_id = :account_id AND f.deleted_at IS NULL
  AND (:feeds::bigint[] IS NULL OR f.id = ANY (:feeds::bigint[]));

-- name: waiting_accounts
-- For the command line, which is asked about a batch of anybody.
SELECT id FROM accounts ORDER BY id;
