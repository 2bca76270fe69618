-- Session locks of shards and duties, who holds them, and who is handing a shard over.

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
-- Whether a worker is alive, or draining within its time.
SELECT EXISTS (SELECT FROM workers WHERE id = :id AND coalesce(stops_at, 'infinity') > now());

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
