-- What is known of a batch's way down the road.

-- name: trace_get(account_id, batch_id, feeds, shards)^
-- The owner that consumes the shard now applied the batch too, if it has consumed it since before. The commit's time is
-- known to Postgres where track_commit_timestamp is on.
SELECT r.batch_id, r.feed_id, r.source, r.received_at, r.applied_at,
       CASE WHEN current_setting('track_commit_timestamp') = 'on' THEN pg_xact_commit_timestamp(r.xmin) END AS committed_at,
       s.shard, s.worker_id::text AS worker, s.host
  FROM (SELECT r.*, r.xmin FROM receipts r
         WHERE r.account_id = :account_id AND r.batch_id = :batch_id
           AND (:feeds::bigint[] IS NULL OR r.feed_id = ANY (:feeds::bigint[]))
         ORDER BY r.received_at DESC LIMIT 1) r
  LEFT JOIN shard_state s ON s.shard = r.feed_id % :shards AND s.since <= r.applied_at;

-- name: trace_account(batch_id)$
-- Whose batch it is, account by account along the key.
SELECT a.id FROM accounts a
 WHERE EXISTS (SELECT FROM receipts r WHERE r.account_id = a.id AND r.batch_id = :batch_id)
 LIMIT 1;
