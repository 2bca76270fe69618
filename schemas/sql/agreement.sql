-- name: agree(name, value)$
-- The first to come sets the value; everybody is told it.
WITH mine AS (
    INSERT INTO fleet_agreement (name, value) VALUES (:name, :value) ON CONFLICT DO NOTHING RETURNING value
)
SELECT value FROM mine UNION ALL SELECT value FROM fleet_agreement WHERE name = :name LIMIT 1;

-- name: division^
-- The number of shards, and those that take nothing over yet; no row before any process has started.
SELECT a.value::integer AS shards,
       ARRAY(SELECT s.shard FROM shard_splits s WHERE s.ended_at IS NULL) AS closed
  FROM fleet_agreement a
 WHERE a.name = 'shards';

-- name: hold!
-- One at a time changes what is agreed on; whoever reads meanwhile reads what was.
SELECT pg_advisory_xact_lock(hashtext('feedline.shards'));

-- name: unfit_workers
-- Workers whose release cannot double, to be told by name.
SELECT host, pid FROM workers WHERE NOT doubles ORDER BY host, pid;

-- name: live_workers()$
-- Not those of a restored dump.
SELECT count(*) FROM workers WHERE coalesce(stops_at, heartbeat_at + interval '1 minute') > now();

-- name: begin_doubling(shards)!
-- Open one row a new shard, all closed.
INSERT INTO shard_splits (shard, parent) SELECT n + :shards::integer, n FROM generate_series(0, :shards::integer - 1) AS n;

-- name: splits
-- How far a doubling has come; nothing when there is none.
SELECT s.shard, s.parent, extract(epoch FROM now() - s.bound_at)::float AS bound_s,
       extract(epoch FROM now() - s.marked_at)::float AS marked_s, s.ended_at IS NOT NULL AS ended
  FROM shard_splits s
 ORDER BY s.shard;

-- name: change(name, value)!
INSERT INTO fleet_agreement (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value;

-- name: tell!
-- The workers look at once what has changed.
SELECT pg_notify('workers_changed', '');
