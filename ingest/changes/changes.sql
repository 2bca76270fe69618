-- Events in their order, what is known of one feed variant, and what an account keeps.

-- name: events_after(account_id, after, until, events, days, most)
-- Below the oldest transaction that still runs, all there will ever be is there: nothing is passed by. One row at
-- least, for the watermark.
SELECT w.watermark, e.position, e.at, e.event, e.feed_id, e.batch_id, e.run_id, e.source, e.received_at, e.body
FROM (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint << 12 AS watermark) w
LEFT JOIN LATERAL (
    SELECT * FROM events
    WHERE account_id = :account_id AND position > :after AND position <= :until AND position < w.watermark
      AND event = ANY (:events::text[])
      AND at > now() - make_interval(days => :days)
    ORDER BY position
    LIMIT :most
) e ON true
ORDER BY e.position;


-- name: stream_get(account_id)^
SELECT coalesce((SELECT enabled FROM change_streams WHERE account_id = :account_id), false) AS enabled,
       EXISTS (SELECT FROM endpoints WHERE account_id = :account_id AND kind = 'queue') AS queue;

-- name: stream_set(account_id, enabled)!
INSERT INTO change_streams (account_id, enabled) VALUES (:account_id, :enabled)
ON CONFLICT (account_id) DO UPDATE SET enabled = excluded.enabled, updated_at = clock_timestamp();

-- name: queue_on(account_id)!
-- From now on: what is committed later lies above the oldest transaction that runs.
INSERT INTO endpoints (account_id, kind, name, events, position)
VALUES (:account_id, 'queue', 'feedline.changes', '{inventory.changed}',
        (pg_snapshot_xmin(pg_current_snapshot())::text::bigint << 12) - 1)
ON CONFLICT (account_id) WHERE kind = 'queue' DO NOTHING;

-- name: queue_off(account_id)!
DELETE FROM endpoints WHERE account_id = :account_id AND kind = 'queue';

-- name: changes_of_window(account_id, feed_id, window)
-- The changes of one window to one feed, of which one is the feed variant's.
SELECT position, at, event, feed_id, batch_id, run_id, source, received_at, body
FROM events
WHERE account_id = :account_id AND position BETWEEN :window::bigint AND :window::bigint + 1023 AND feed_id = :feed_id;

-- name: last_change_of(account_id, id)^
SELECT feed_id, external_id, last_change FROM feed_variants WHERE account_id = :account_id AND id = :id;

-- name: receipts_naming(account_id, feed_id, before, needle, most)
-- The feed's newest receipts, those that name the item and the oldest one that was looked at (WITH TIES: none of the
-- same moment is left for the page after, which begins before it).
WITH looked_at AS (
    SELECT batch_id, run_id, source, received_at, applied_at, items FROM receipts
    WHERE account_id = :account_id AND feed_id = :feed_id AND received_at < :before::timestamptz
    ORDER BY received_at DESC
    FETCH FIRST :most ROWS WITH TIES
)
SELECT r.*, l.looked_at, l.oldest
FROM (SELECT count(*) AS looked_at, min(received_at) AS oldest FROM looked_at) l
LEFT JOIN looked_at r ON position(:needle::bytea IN r.items) > 0;

-- name: decisions(account_id, subjects, operations, since, before, most)
-- What people changed by the dashboard of these resources, newest first.
SELECT at, who, operation, before, after FROM audit_log
 WHERE account_id = :account_id AND subject = ANY (:subjects::text[]) AND operation = ANY (:operations::text[])
   AND at >= :since::timestamptz AND at < :before::timestamptz
 ORDER BY subject, id DESC
 LIMIT :most;
