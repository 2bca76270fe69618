-- What the owner of a shard keeps beside its lock: attempts at batches that workers may have died of, and its state.

-- name: begin_attempts(account_ids, batch_ids, worker_id)
-- Note that this worker is about to apply these batches; `deaths` counts the workers that began before and are gone.
WITH begun AS (
    INSERT INTO attempts AS a (account_id, batch_id, workers)
    SELECT b.account_id, b.batch_id, ARRAY[:worker_id::uuid]
      FROM unnest(:account_ids::bigint[], :batch_ids::uuid[]) AS b (account_id, batch_id)
    ON CONFLICT (account_id, batch_id) DO UPDATE
       SET workers = CASE WHEN :worker_id = ANY (a.workers) THEN a.workers ELSE a.workers || excluded.workers END,
           begun_at = now()
    RETURNING batch_id, workers
)
SELECT b.batch_id, count(*) AS deaths
  FROM begun b, unnest(b.workers) AS w (id)
 WHERE w.id <> :worker_id AND NOT EXISTS (SELECT FROM workers l WHERE l.id = w.id)
 GROUP BY b.batch_id;

-- name: forget_attempts(account_ids, batch_ids)!
-- They are committed.
DELETE FROM attempts a
 USING unnest(:account_ids::bigint[], :batch_ids::uuid[]) AS b (account_id, batch_id)
 WHERE a.account_id = b.account_id AND a.batch_id = b.batch_id;

-- name: end_split(shard)!
-- The parent has applied all before END: its new shard is to be consumed. Everybody looks at once.
WITH ended AS (
    UPDATE shard_splits SET ended_at = now() WHERE shard = :shard AND ended_at IS NULL RETURNING shard
)
SELECT pg_notify('workers_changed', '') FROM ended;
