-- When feeds are due, which runs are late, what is old.

-- name: feeds_to_plan(most)
-- Pulled feeds that are new, changed, or whose account moved to another time zone since their next fetch was planned.
SELECT f.id, f.account_id, f.enabled, f.settings, f.updated_at, a.time_zone
  FROM inventory_feeds f
  JOIN accounts a ON a.id = f.account_id
  LEFT JOIN pull_feeds p ON p.feed_id = f.id
 WHERE f.resource_type IN ('ftpCsv', 'xml', 'api') AND f.deleted_at IS NULL AND a.suspended_at IS NULL
   AND (p.feed_id IS NULL OR p.planned_for <> f.updated_at OR p.time_zone <> a.time_zone)
 ORDER BY f.id
 LIMIT :most;

-- name: plan_feed(feed_id, account_id, planned_for, time_zone, next_fetch_at, enabled)!
-- A changed feed is due by its schedule again, not by its back-off; one that was disabled by us and is enabled again starts afresh.
INSERT INTO pull_feeds AS p (feed_id, account_id, planned_for, time_zone, next_fetch_at)
VALUES (:feed_id, :account_id, :planned_for, :time_zone, :next_fetch_at)
ON CONFLICT (feed_id) DO UPDATE SET
    planned_for = excluded.planned_for,
    time_zone = excluded.time_zone,
    next_fetch_at = excluded.next_fetch_at,
    failures = 0,
    failing_since = CASE WHEN :enabled AND p.disabled_at IS NOT NULL THEN NULL ELSE p.failing_since END,
    disabled_at = CASE WHEN :enabled THEN NULL ELSE p.disabled_at END
  WHERE (p.planned_for, p.time_zone) IS DISTINCT FROM (excluded.planned_for, excluded.time_zone);

-- name: due_feeds(now, most)
-- Feeds whose time has come; several pullers each take other rows.
SELECT p.feed_id, p.account_id, p.time_zone, f.settings, f.enabled AND f.deleted_at IS NULL AS enabled
  FROM pull_feeds p
  JOIN inventory_feeds f ON f.id = p.feed_id
 WHERE p.next_fetch_at <= :now
 ORDER BY p.next_fetch_at
 LIMIT :most
   FOR UPDATE OF p SKIP LOCKED;

-- name: set_next_fetch(next_fetch_at, feed_id)!
UPDATE pull_feeds SET next_fetch_at = :next_fetch_at WHERE feed_id = :feed_id;

-- name: next_due()$
-- When the scheduler has to look again at the latest.
SELECT min(next_fetch_at) FROM pull_feeds WHERE next_fetch_at IS NOT NULL;

-- name: lease_expiry(owner)$
-- Seconds until the next lease of another puller runs out.
SELECT extract(epoch FROM min(lease_until) - clock_timestamp())::float8
  FROM runs WHERE status = 'fetching' AND lease_owner IS DISTINCT FROM :owner;

-- name: unsettled_runs(since, most)
-- Ended runs whose last receipts were late.
SELECT * FROM runs
 WHERE status IN ('partial', 'cancelled', 'failed') AND NOT settled AND received_at IS NOT NULL AND ended_at > :since
 ORDER BY ended_at
 LIMIT :most;

-- name: failing_feeds(least)$
SELECT count(*) FROM pull_feeds WHERE failures >= :least;

-- name: prune_runs(before, most)$
-- Some of the old runs but each feed's last one; returns how many.
WITH old AS (
    SELECT id FROM runs
     WHERE ended_at < :before
       AND NOT EXISTS (SELECT FROM pull_feeds p WHERE p.feed_id = runs.feed_id AND p.last_run_id = runs.id)
     ORDER BY ended_at
     LIMIT :most),
gone AS (DELETE FROM runs USING old WHERE runs.id = old.id RETURNING runs.id)
SELECT count(*)::int FROM gone;
