-- What a watcher reads of Postgres. Counts over large tables are asked for once a minute (`slow_*`).

-- name: shard_states(timeout)
-- What owners said of their shards; `alive` tells whether the owner still is.
SELECT s.shard, s.worker_id, s.host, s.since, s.oldest_at, s.applied_at,
       greatest(s.applied_received_at, s.empty_at) AS passed_at, s.waits_for, s.waits_reason,
       EXISTS (SELECT FROM workers w WHERE w.id = s.worker_id AND w.heartbeat_at > now() - :timeout::interval) AS alive
  FROM shard_state s
 ORDER BY s.shard;

-- name: live_workers(timeout)$
SELECT count(*) FROM workers WHERE heartbeat_at > now() - :timeout::interval;

-- name: standbys^
-- Standbys that stream, and those that commits wait for: `ANY 1 (a, b)`, `2 (a, b)`, or a plain list, which means one.
SELECT (SELECT count(*) FROM pg_stat_replication r WHERE r.application_name NOT IN ('pg_basebackup', 'pg_receivewal')) AS seen,
       coalesce(substring(n.names FROM '(\d+)\s*\(')::int, (n.names <> '')::int) AS wanted
  FROM (SELECT trim(current_setting('synchronous_standby_names')) AS names) n;

-- name: slow_deferred^
SELECT count(*) AS items, min(deferred_at) AS oldest_at FROM deferred_items;

-- name: slow_limits(most)
-- The accounts that are nearest to today's limit; sandboxes may be as near as they like.
SELECT a.id, u.used::float / a.daily_sku_limit AS used
  FROM accounts a
  JOIN usage u ON u.account_id = a.id AND u.day = (now() AT TIME ZONE a.time_zone)::date
 WHERE a.daily_sku_limit > 0 AND a.sandbox_of IS NULL
 ORDER BY used DESC, a.id
 LIMIT :most;

-- name: slow_feeds(most)
-- Accounts whose feeds fail (three times in succession) or wait with a held run.
SELECT p.account_id, count(*) FILTER (WHERE p.failures >= 3) AS failing,
       count(*) FILTER (WHERE p.last_run_status = 'held') AS held
  FROM pull_feeds p
 WHERE p.failures >= 3 OR p.last_run_status = 'held'
 GROUP BY p.account_id
 ORDER BY count(*) DESC, p.account_id
 LIMIT :most;

-- name: slow_dead_letters
-- Ids ascend with time: the newest are enough, and need no index of their own.
SELECT code, count(*) AS letters
  FROM (SELECT d.code, d.dead_at FROM dead_letters d ORDER BY d.id DESC LIMIT 10000) newest
 WHERE dead_at > now() - interval '15 minutes'
 GROUP BY code;

-- name: canary_account$
SELECT id FROM accounts WHERE plan = 'canary' ORDER BY id LIMIT 1;

-- name: add_canary_account$
WITH account AS (
    INSERT INTO accounts (name, plan) VALUES ('Canary', 'canary') RETURNING id
), provider AS (
    INSERT INTO dropship_providers (account_id, name) SELECT id, 'Canary' FROM account RETURNING id
)
SELECT id FROM account;

-- name: canary_feeds(account_id)
SELECT id, hash FROM inventory_feeds
 WHERE account_id = :account_id AND resource_type = 'webhook' AND enabled AND deleted_at IS NULL
 ORDER BY id;

-- name: next_feed_id$
SELECT nextval(pg_get_serial_sequence('inventory_feeds', 'id'));

-- name: add_canary_feed(id, account_id, name, hash)!
INSERT INTO inventory_feeds (id, account_id, dropship_provider_id, name, resource_type, hash)
SELECT :id, :account_id, p.id, :name, 'webhook', :hash
  FROM dropship_providers p WHERE p.account_id = :account_id ORDER BY p.id LIMIT 1;

-- name: canary_receipts(account_id, batch_ids)
-- Which of these batches were applied.
SELECT batch_id
  FROM receipts WHERE account_id = :account_id AND batch_id = ANY (:batch_ids::uuid[]);

-- name: canary_rows(account_id)
SELECT feed_id, inventory_quantity FROM feed_variants WHERE account_id = :account_id AND external_id = 'canary';

-- name: keep_canaries(at, shards, took_ms, stages, reasons)!
-- Those that arrived have a time, the others a stage.
INSERT INTO canaries AS c (shard, arrived_at, took_ms, failed_at, stage, reason)
SELECT k.shard, CASE WHEN k.stage IS NULL THEN :at::timestamptz END, k.took_ms,
       CASE WHEN k.stage IS NOT NULL THEN :at::timestamptz END, k.stage, k.reason
  FROM unnest(:shards::integer[], :took_ms::integer[], :stages::text[], :reasons::text[])
       AS k (shard, took_ms, stage, reason)
 ORDER BY k.shard
ON CONFLICT (shard) DO UPDATE
   SET arrived_at = coalesce(excluded.arrived_at, c.arrived_at), took_ms = coalesce(excluded.took_ms, c.took_ms),
       failed_at = coalesce(excluded.failed_at, c.failed_at), stage = coalesce(excluded.stage, c.stage),
       reason = coalesce(excluded.reason, c.reason);
