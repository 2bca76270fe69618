-- The fleet: who is alive, and who owns which shard. Times are the database's alone.

-- name: beat(id, host, pid, timeout)
-- Keep our row and return everybody's: one round trip a heartbeat. `fresh` tells the living from the dead.
WITH mine AS (
    INSERT INTO workers AS w (id, host, pid) VALUES (:id, :host, :pid)
    ON CONFLICT (id) DO UPDATE SET heartbeat_at = now()
    RETURNING w.id
)
SELECT o.id, o.heartbeat_at > now() - :timeout::interval AS fresh FROM workers o WHERE o.id <> :id;

-- name: bury(timeout)
-- Remove the rows of the dead.
DELETE FROM workers WHERE heartbeat_at <= now() - :timeout::interval RETURNING id;

-- name: leave(id)!
-- A worker that stops is no longer counted from now on.
DELETE FROM workers WHERE id = :id;

-- name: tell_workers!
-- The others need not wait for their next heartbeat.
SELECT pg_notify('workers_changed', '');

-- name: try_lock(space, key)$
SELECT pg_try_advisory_lock(:space::int, :key::int);

-- name: wait_for_lock(space, key)$
SELECT pg_advisory_lock(:space::int, :key::int);

-- name: lock_holder(space, key)^
-- Who holds a session lock, by the name of its connection.
SELECT a.pid, coalesce(a.application_name, '') AS application_name
  FROM pg_locks l
  JOIN pg_stat_activity a USING (pid)
 WHERE l.locktype = 'advisory' AND l.classid::bigint = :space::bigint AND l.objid::bigint = :key::bigint
   AND l.objsubid = 2 AND l.granted
   AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database());

-- name: is_listed(id)$
SELECT EXISTS (SELECT FROM workers WHERE id = :id);

-- name: terminate(pid)$
SELECT pg_terminate_backend(:pid);

-- name: drain_of(shard)$
-- The worker that is handing a shard over, if one is.
SELECT worker_id FROM shard_drains WHERE shard = :shard;

-- name: note_drain(shard, worker_id)!
INSERT INTO shard_drains (shard, worker_id) VALUES (:shard, :worker_id)
ON CONFLICT (shard) DO UPDATE SET worker_id = excluded.worker_id, since = now();

-- name: clear_drain(shard, worker_id)!
DELETE FROM shard_drains WHERE shard = :shard AND worker_id = :worker_id;
