-- The fleet: who is alive, and who owns which shard. Times are the database's alone.

-- name: join(id, host, pid)!
-- Enter the live list. Once, and not with every heartbeat: one that arrives late must not bring back who has left.
INSERT INTO workers (id, host, pid, doubles) VALUES (:id, :host, :pid, true)
ON CONFLICT (id) DO UPDATE SET heartbeat_at = now(), stops_at = NULL;

-- name: beat(id, timeout)
-- Keep our row and return everybody's that takes shards: one round trip a heartbeat. `fresh` tells the living from the
-- dead. Ours is missing when we were buried.
WITH mine AS (
    UPDATE workers SET heartbeat_at = now() WHERE id = :id AND stops_at IS NULL RETURNING id
)
SELECT o.id, o.id = :id OR o.heartbeat_at > now() - :timeout::interval AS fresh
  FROM workers o
 WHERE o.stops_at IS NULL AND (o.id <> :id OR EXISTS (SELECT FROM mine));

-- name: bury(timeout)
-- Remove the rows of the dead, and of those that were to have stopped by now.
DELETE FROM workers
 WHERE coalesce(stops_at, heartbeat_at + :timeout::interval) <= now()
RETURNING id;

-- name: stop_soon(id, seconds)!
-- A worker that stops takes no shards from now on; it is alive until it has handed its own over, or its time is up.
UPDATE workers SET stops_at = now() + make_interval(secs => :seconds) WHERE id = :id;

-- name: leave(id)!
-- What this worker has not finished it has not died of either.
WITH alive AS (
    UPDATE attempts SET workers = array_remove(workers, :id::uuid) WHERE :id = ANY (workers)
)
DELETE FROM workers WHERE id = :id;

-- name: keep_state(worker_id, host, states)!
-- The state of the shards of a worker; what it does not know (null) of the past stays as an earlier owner left it.
INSERT INTO shard_state AS s (shard, worker_id, host, since, oldest_at, applied_at, applied_received_at, empty_at, gone_at,
                              waits_for, waits_reason, feeds)
SELECT n.shard, :worker_id, :host, n.since, n.oldest_at, n.applied_at, n.applied_received_at, n.empty_at, n.gone_at,
       n.waits_for, n.waits_reason, n.feeds
  FROM jsonb_to_recordset(:states::text::jsonb) AS n (
       shard integer, since timestamptz, oldest_at timestamptz, applied_at timestamptz, applied_received_at timestamptz,
       empty_at timestamptz, gone_at timestamptz, waits_for text, waits_reason text, feeds jsonb)
ON CONFLICT (shard) DO UPDATE SET
       worker_id = excluded.worker_id, host = excluded.host, since = excluded.since, oldest_at = excluded.oldest_at,
       applied_at = coalesce(excluded.applied_at, s.applied_at),
       applied_received_at = greatest(excluded.applied_received_at, s.applied_received_at),
       empty_at = greatest(excluded.empty_at, s.empty_at), gone_at = greatest(excluded.gone_at, s.gone_at),
       waits_for = excluded.waits_for, waits_reason = excluded.waits_reason, feeds = excluded.feeds, written_at = now();

-- name: tell_workers!
-- The others need not wait for their next heartbeat.
SELECT pg_notify('workers_changed', '');
