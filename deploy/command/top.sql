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
-- When the canary of each feed was last stored.
SELECT v.feed_id, v.updated_at
  FROM accounts a
  JOIN feed_variants v ON v.account_id = a.id AND v.external_id = 'canary'
 WHERE a.plan = 'canary';
