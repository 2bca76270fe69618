-- What is known of an applied batch's way down the road.

-- name: trace_get(account_id, batch_id, feeds)^
-- Who applied it is in the name of the connection that wrote the receipt; `went_on_at` is when that worker last was done
-- with a window of the shard. The commit's time is known to Postgres where track_commit_timestamp is on.
SELECT r.batch_id, r.feed_id, r.source, r.received_at, r.delivered_at, r.applied_at, r.worker, r.shard,
       CASE WHEN current_setting('track_commit_timestamp') = 'on' THEN pg_xact_commit_timestamp(r.xmin) END AS committed_at,
       coalesce(s.host, w.host) AS host, CASE WHEN s.applied_at >= r.applied_at THEN s.applied_at END AS went_on_at
  FROM (SELECT r.*, r.xmin, substring(r.applied_by FROM '^feedline-worker ([0-9a-f]{32}) ')::uuid AS worker,
               substring(r.applied_by FROM ' shard ([0-9]{1,9})$')::int AS shard
          FROM receipts r
         WHERE r.account_id = :account_id AND r.batch_id = :batch_id
           AND (:feeds::bigint[] IS NULL OR r.feed_id = ANY (:feeds::bigint[]))
         ORDER BY r.received_at DESC LIMIT 1) r
  LEFT JOIN shard_state s ON s.shard = r.shard AND s.worker_id = r.worker
  LEFT JOIN workers w ON w.id = r.worker;

-- name: trace_account(batch_id)$
-- Whose batch it is, account by account along the key.
SELECT a.id FROM accounts a
 WHERE EXISTS (SELECT FROM receipts r WHERE r.account_id = a.id AND r.batch_id = :batch_id)
 LIMIT 1;
