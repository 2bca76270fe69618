-- What `feedline top` shows beside the shards' states.

-- name: outcomes()
-- Items by outcome and the greatest lag, of the last whole minute and the one that has begun.
SELECT coalesce(sum(created), 0) AS created, coalesce(sum(updated), 0) AS updated,
       coalesce(sum(unchanged), 0) AS unchanged, coalesce(sum(superseded), 0) AS superseded,
       coalesce(sum(deferred), 0) AS deferred, coalesce(sum(rejected), 0) AS rejected, coalesce(sum(dead), 0) AS dead,
       coalesce(max(lag_ms), 0) AS lag_ms,
       extract(epoch FROM now() - date_trunc('minute', now()) + interval '1 minute')::float AS seconds
  FROM feed_minutes
 WHERE minute >= date_trunc('minute', now()) - interval '1 minute';

-- name: canaries()
-- When the canary of each shard last went the whole way, and the stage that the last one did not reach, if it did not.
SELECT shard, arrived_at, CASE WHEN arrived_at IS NULL OR failed_at > arrived_at THEN stage END AS failed
  FROM canaries;
