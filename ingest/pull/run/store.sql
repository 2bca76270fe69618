-- What a run keeps of itself. Leases are measured by the database's clock alone.

-- name: claim_runs(owner, lease_s, most)
-- Queued runs, and those whose puller is dead. Accounts take turns: the first run of each comes before the second of any,
-- one that is in progress counted in; among equals those asked for by hand come first. A run in progress keeps its place.
WITH active AS (
    SELECT account_id, count(*) AS n FROM runs
     WHERE status = 'fetching' AND lease_until > clock_timestamp() GROUP BY account_id),
waiting AS (
    SELECT id, coalesce(active.n, 0)
               + row_number() OVER (PARTITION BY account_id ORDER BY trigger = 'schedule', queued_at, id) AS turn
      FROM runs LEFT JOIN active USING (account_id)
     WHERE status IN ('queued', 'fetching') AND (lease_until IS NULL OR lease_until <= clock_timestamp())),
claimed AS (
    SELECT runs.id FROM runs JOIN waiting ON waiting.id = runs.id
     WHERE status IN ('queued', 'fetching') AND (lease_until IS NULL OR lease_until <= clock_timestamp())
     ORDER BY turn, trigger = 'schedule', queued_at, runs.id
     LIMIT :most
       FOR UPDATE OF runs SKIP LOCKED)
UPDATE runs SET
    status = 'fetching',
    stage = 'fetching',
    lease_owner = :owner,
    lease_until = clock_timestamp() + make_interval(secs => :lease_s),
    attempt = attempt + 1,
    started_at = coalesce(started_at, clock_timestamp())
 WHERE id IN (SELECT id FROM claimed)
RETURNING *;

-- name: renew_lease(lease_s, run_id, owner, attempt)^
-- Nothing comes back when the run is no longer ours.
UPDATE runs SET lease_until = clock_timestamp() + make_interval(secs => :lease_s)
 WHERE id = :run_id AND lease_owner = :owner AND attempt = :attempt AND status = 'fetching'
RETURNING cancel_requested OR EXISTS (
    SELECT FROM inventory_feeds f WHERE f.id = runs.feed_id AND f.deleted_at IS NOT NULL) AS cancel_requested;

-- name: release_lease(run_id, owner, attempt)!
-- A puller that stops hands its run back: another one goes on with it at once.
WITH handed AS (
    UPDATE runs SET lease_owner = NULL, lease_until = NULL, attempt = attempt - 1
     WHERE id = :run_id AND lease_owner = :owner AND attempt = :attempt AND status = 'fetching'
    RETURNING id)
SELECT pg_notify('runs_changed', id::text) FROM handed;

-- name: retry_later(run_id, owner, attempt, pause_s)!
-- Given up for now, and counted as an attempt.
UPDATE runs SET lease_owner = NULL, lease_until = clock_timestamp() + make_interval(secs => :pause_s)
 WHERE id = :run_id AND lease_owner = :owner AND attempt = :attempt AND status = 'fetching';

-- name: runs_in_use(run_ids)
-- Those of these runs that may still need what they laid on disk.
SELECT id FROM runs WHERE id = ANY(:run_ids::bigint[]) AND status IN ('queued', 'fetching', 'held');

-- name: set_stage(stage, run_id, owner, attempt)!
UPDATE runs SET stage = :stage WHERE id = :run_id AND lease_owner = :owner AND attempt = :attempt;

-- name: set_file(fingerprint, bytes, encoding, rows_read, rows_mapped, rows_rejected, rows_folded, attributes_skipped, rejects_left_out, parts, run_id, owner, attempt)^
-- What parsing found out. Rejects are replaced in the same transaction.
UPDATE runs SET
    fingerprint = :fingerprint, bytes = :bytes, encoding = :encoding, rows_read = :rows_read,
    rows_mapped = :rows_mapped, rows_rejected = :rows_rejected, rows_folded = :rows_folded,
    attributes_skipped = :attributes_skipped, rejects_left_out = :rejects_left_out, parts = :parts
 WHERE id = :run_id AND lease_owner = :owner AND attempt = :attempt AND status = 'fetching'
RETURNING id;

-- name: clear_rejects(run_id)!
DELETE FROM run_rejects WHERE run_id = :run_id;

-- name: begin_publishing(run_id, owner, attempt)$
-- The receive time of all batches of the run: fixed once, so that a resumed run repeats it. From here on the stored items
-- are those of no one file: what the feed's last file was counts no more, until all of this one is applied.
WITH begun AS (
    UPDATE runs SET
        received_at = coalesce(received_at, date_trunc('milliseconds', clock_timestamp())), stage = 'publishing'
     WHERE id = :run_id AND lease_owner = :owner AND attempt = :attempt AND status = 'fetching'
    RETURNING received_at, feed_id),
forgotten AS (
    UPDATE pull_feeds p SET validators = NULL FROM begun WHERE p.feed_id = begun.feed_id)
SELECT received_at FROM begun;

-- name: set_progress(batches, counts, run_id, owner, attempt)!
-- Batches confirmed from the first on; outcomes as they commit.
UPDATE runs SET batches = :batches, counts = :counts
 WHERE id = :run_id AND lease_owner = :owner AND attempt = :attempt AND status = 'fetching';

-- name: outcomes_of_run(account_id, feed_id, received_at, run_id)^
-- The receipts of a run: how many there are, and their items by outcome. The receive time, one for all of them, is
-- what finds them: in one partition, by the index on (account_id, feed_id, received_at).
WITH mine AS (
    SELECT counts FROM receipts
     WHERE account_id = :account_id AND feed_id = :feed_id AND received_at = :received_at AND run_id = :run_id)
SELECT (SELECT count(*) FROM mine)::int AS receipts,
       coalesce((SELECT jsonb_object_agg(outcome, n)
                   FROM (SELECT key AS outcome, sum(value::bigint) AS n FROM mine, jsonb_each_text(counts) GROUP BY key) o
                  WHERE n > 0), '{}'::jsonb) AS counts;

-- name: settle_run(counts, settled, run_id)!
UPDATE runs SET counts = :counts, settled = :settled WHERE id = :run_id AND NOT settled;

-- name: held_with(feed_id, run_id, error_code)$
-- The run that holds the same file, read in the same way, for the same reason already.
SELECT held.id FROM runs held JOIN runs this ON this.id = :run_id AND this.fingerprint = held.fingerprint
 WHERE held.feed_id = :feed_id AND held.id < this.id AND held.status = 'held' AND held.error_code = :error_code
   AND NOT held.dry_run
 ORDER BY held.id DESC
 LIMIT 1;

-- name: feed_state(feed_id)^
SELECT * FROM pull_feeds WHERE feed_id = :feed_id;

-- name: prune_rejects(feed_id, kept)!
-- The rejects of a feed's older runs, 100 runs at a time; runs.rows_rejected still counts them. Looked for when a run
-- adds some. Runs without any are passed over, so that each step gets on where the last one ended.
DELETE FROM run_rejects WHERE run_id IN (
    SELECT id FROM runs
     WHERE feed_id = :feed_id AND EXISTS (SELECT FROM run_rejects r WHERE r.run_id = runs.id)
     ORDER BY id DESC OFFSET :kept LIMIT 100);
