-- The puller: planning, leasing and keeping runs. Leases are measured by the database's clock alone.

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

-- name: lease_expiry(owner)$
-- Seconds until the next lease of another puller runs out.
SELECT extract(epoch FROM min(lease_until) - clock_timestamp())::float8
  FROM runs WHERE status = 'fetching' AND lease_owner IS DISTINCT FROM :owner;

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

-- name: create_seen()!
-- The external ids of a file; `doubtful` ones were read out of rows that are out of shape.
CREATE TEMPORARY TABLE seen (external_id text COLLATE "C" NOT NULL, doubtful boolean NOT NULL) ON COMMIT DROP;

-- name: analyze_seen()!
ANALYZE seen;

-- name: stock_against(account_id, feed_id)^
-- What is stored, or deferred, with a quantity, how much of it the file does not have, and how many doubtful ids of the
-- file are not known at all.
WITH stored AS (
    SELECT external_id FROM feed_variants
     WHERE account_id = :account_id AND feed_id = :feed_id AND inventory_quantity <> 0
     UNION
    SELECT external_id FROM deferred_items
     WHERE account_id = :account_id AND feed_id = :feed_id AND coalesce(item ->> 'inventoryQuantity', '0') <> '0')
SELECT count(*)::int AS stored,
       (count(*) FILTER (WHERE NOT EXISTS (SELECT FROM seen WHERE seen.external_id = stored.external_id)))::int AS gone,
       (SELECT count(*) FROM seen WHERE doubtful AND NOT EXISTS (
           SELECT FROM feed_variants v
            WHERE v.account_id = :account_id AND v.feed_id = :feed_id AND v.external_id = seen.external_id))::int AS unknown
  FROM stored;

-- name: deal_missing(account_id, feed_id, part_items, run_id, first_part)$
-- Stored items, or deferred ones, with a quantity that the file did not have, dealt out into parts after the file's own.
WITH stored AS (
    SELECT external_id FROM feed_variants
     WHERE account_id = :account_id AND feed_id = :feed_id AND inventory_quantity <> 0
     UNION
    SELECT external_id FROM deferred_items
     WHERE account_id = :account_id AND feed_id = :feed_id AND coalesce(item ->> 'inventoryQuantity', '0') <> '0'),
gone AS (
    SELECT external_id, (row_number() OVER (ORDER BY external_id) - 1) / :part_items AS part FROM stored
     WHERE NOT EXISTS (SELECT FROM seen WHERE seen.external_id = stored.external_id)),
dealt AS (
    INSERT INTO run_missing (run_id, part, external_ids)
    SELECT :run_id, :first_part + part, array_agg(external_id ORDER BY external_id) FROM gone GROUP BY part
    RETURNING external_ids)
SELECT coalesce(sum(cardinality(external_ids)), 0)::int FROM dealt;

-- name: set_missing(missing, run_id, owner, attempt)^
UPDATE runs SET missing = :missing, stage = 'cleaning'
 WHERE id = :run_id AND lease_owner = :owner AND attempt = :attempt AND status = 'fetching'
RETURNING id;

-- name: missing_parts(run_id, first_part, most)
SELECT part, external_ids FROM run_missing WHERE run_id = :run_id AND part >= :first_part ORDER BY part LIMIT :most;

-- name: clear_missing(run_id)!
DELETE FROM run_missing WHERE run_id = :run_id;

-- name: end_run(status, bytes, counts, settled, batches, error_code, error, note, run_id, owner, attempt)^
-- Nothing comes back when the run is no longer ours.
UPDATE runs SET
    status = :status, stage = NULL, ended_at = clock_timestamp(), lease_owner = NULL, lease_until = NULL,
    bytes = coalesce(:bytes, bytes), counts = :counts, settled = :settled, batches = :batches,
    error_code = :error_code, error = :error, note = :note
 WHERE id = :run_id AND lease_owner = :owner AND attempt = :attempt AND status = 'fetching'
RETURNING *;

-- name: settle_run(counts, settled, run_id)!
UPDATE runs SET counts = :counts, settled = :settled WHERE id = :run_id AND NOT settled;

-- name: unsettled_runs(since, most)
-- Ended runs whose last receipts were late.
SELECT * FROM runs
 WHERE status IN ('partial', 'cancelled', 'failed') AND NOT settled AND received_at IS NOT NULL AND ended_at > :since
 ORDER BY ended_at
 LIMIT :most;

-- name: supersede_held(run_id, account_id, feed_id, only_dry)!
-- A newer run of the feed was good, or is held itself: the older ones can no longer be approved. A dry run takes the place
-- of dry runs alone.
WITH over AS (
    UPDATE runs SET
        status = 'cancelled', error_code = 'superseded', error = 'run ' || :run_id::bigint || ' took its place'
     WHERE account_id = :account_id AND feed_id = :feed_id AND id < :run_id AND status = 'held'
       AND (dry_run OR NOT :only_dry)
    RETURNING id)
DELETE FROM run_diff_chunks USING over WHERE run_id = over.id;

-- name: held_with(feed_id, run_id, error_code)$
-- The run that holds the same file, read in the same way, for the same reason already.
SELECT held.id FROM runs held JOIN runs this ON this.id = :run_id AND this.fingerprint = held.fingerprint
 WHERE held.feed_id = :feed_id AND held.id < this.id AND held.status = 'held' AND held.error_code = :error_code
   AND NOT held.dry_run
 ORDER BY held.id DESC
 LIMIT 1;

-- name: feed_state(feed_id)^
SELECT * FROM pull_feeds WHERE feed_id = :feed_id;

-- name: feed_succeeded(run_id, status, now, next_fetch_at, planned_for, time_zone, validators, settings_seal, rows, mapped, final_newline, baseline_at, feed_id)!
-- The last applied file is what the next one is compared with; a run that found the file unchanged keeps it. A schedule
-- that was planned anew meanwhile stays.
UPDATE pull_feeds SET
    last_run_id = :run_id, last_run_status = :status, last_run_at = :now, last_success_at = :now, failures = 0,
    failing_since = NULL, last_error = NULL,
    next_fetch_at = CASE WHEN (planned_for, time_zone) = (:planned_for, :time_zone) THEN :next_fetch_at ELSE next_fetch_at END,
    validators = coalesce(:validators::jsonb, validators),
    settings_seal = coalesce(:settings_seal, settings_seal),
    rows = coalesce(:rows, rows),
    mapped = coalesce(:mapped, mapped),
    final_newline = CASE WHEN :rows::int IS NULL THEN final_newline ELSE :final_newline END,
    baseline_at = coalesce(:baseline_at, baseline_at)
 WHERE feed_id = :feed_id;

-- name: feed_failed(run_id, status, now, failed, bad, error, next_fetch_at, planned_for, time_zone, feed_id)^
UPDATE pull_feeds SET
    last_run_id = :run_id, last_run_status = :status, last_run_at = :now,
    failures = failures + :failed::int,
    failing_since = CASE WHEN :bad THEN coalesce(failing_since, :now) ELSE failing_since END,
    last_error = :error,
    next_fetch_at = CASE WHEN (planned_for, time_zone) = (:planned_for, :time_zone) THEN :next_fetch_at ELSE next_fetch_at END
 WHERE feed_id = :feed_id
RETURNING failures, failing_since;

-- name: disable_feed(reason, feed_id, updated_at)^
-- Only what the puller saw may be disabled: not a feed that someone changed meanwhile.
UPDATE inventory_feeds SET enabled = false, disabled_reason = :reason, updated_at = now()
 WHERE id = :feed_id AND enabled AND updated_at = :updated_at
RETURNING updated_at;

-- name: feed_disabled(now, updated_at, feed_id)!
UPDATE pull_feeds SET disabled_at = :now, next_fetch_at = NULL, planned_for = :updated_at WHERE feed_id = :feed_id;

-- name: failing_feeds(least)$
SELECT count(*) FROM pull_feeds WHERE failures >= :least;

-- name: prune_rejects(feed_id, kept)!
-- The rejects of a feed's older runs, 100 runs at a time; runs.rows_rejected still counts them. Looked for when a run
-- adds some. Runs without any are passed over, so that each step gets on where the last one ended.
DELETE FROM run_rejects WHERE run_id IN (
    SELECT id FROM runs
     WHERE feed_id = :feed_id AND EXISTS (SELECT FROM run_rejects r WHERE r.run_id = runs.id)
     ORDER BY id DESC OFFSET :kept LIMIT 100);

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

-- name: clear_diff(run_id)!
DELETE FROM run_diff_chunks WHERE run_id = :run_id;

-- name: save_diff(run_id, summary)!
INSERT INTO run_diffs (run_id, summary) VALUES (:run_id, :summary)
ON CONFLICT (run_id) DO UPDATE SET summary = excluded.summary, made_at = clock_timestamp();

-- name: save_diff_chunk(run_id, position, entries)!
INSERT INTO run_diff_chunks (run_id, position, entries) VALUES (:run_id, :position, :entries);

-- name: create_file_items()!
CREATE TEMPORARY TABLE file_items (position bigint NOT NULL, external_id text COLLATE "C" NOT NULL, item text NOT NULL)
    ON COMMIT DROP;

-- name: analyze_file_items()!
ANALYZE file_items;

-- name: compared_items
-- Each item of the file, its rows in the file's order, beside what is stored of it and what waits for the limit. The hot
-- attributes have their own names, as `schemas.comparison` expects.
SELECT i.external_id, i.items, w.item::text AS deferred, v.id,
       v.vendor_sku AS "vendorSku", v.barcode AS "barcode", v.inventory_quantity AS "inventoryQuantity",
       v.manual_inventory_quantity AS "manualInventoryQuantity", v.allocation_buffer_override AS "allocationBufferOverride",
       v.inventory_policy AS "inventoryPolicy", v.inventory_quantity_override AS "inventoryQuantityOverride",
       v.cost_price::text AS "costPrice", v.retail_price::text AS "retailPrice", v.compare_at_price::text AS "compareAtPrice", v.charged, d.attributes::text AS details
  FROM (SELECT external_id, array_agg(item ORDER BY position) AS items FROM file_items GROUP BY external_id) i
  LEFT JOIN feed_variants v ON v.account_id = $1 AND v.feed_id = $2 AND v.external_id = i.external_id
  LEFT JOIN feed_variant_details d ON d.account_id = $1 AND d.feed_variant_id = v.id
  LEFT JOIN deferred_items w ON w.account_id = $1 AND w.feed_id = $2 AND w.external_id = i.external_id
 ORDER BY i.external_id;

-- name: gone_items
-- What the clean-up would set to 0: stored or deferred with a quantity, and not in the file.
SELECT external_id, max(quantity) AS quantity, max(charged) AS charged FROM (
    SELECT external_id, inventory_quantity AS quantity, charged FROM feed_variants
     WHERE account_id = $1 AND feed_id = $2 AND inventory_quantity <> 0
     UNION ALL
    SELECT external_id, NULL, NULL FROM deferred_items
     WHERE account_id = $1 AND feed_id = $2 AND coalesce(item ->> 'inventoryQuantity', '0') <> '0') stored
 WHERE NOT EXISTS (SELECT FROM seen WHERE seen.external_id = stored.external_id)
 GROUP BY external_id
 ORDER BY external_id;

-- name: units_stored(account_id, feed_id)$
SELECT coalesce(sum(inventory_quantity), 0)::bigint FROM feed_variants WHERE account_id = :account_id AND feed_id = :feed_id;

-- name: now()$
-- The clock that gives batches their receive time, and so the day that they are charged to.
SELECT clock_timestamp();

-- name: limit_of(account_id, day)^
SELECT a.daily_sku_limit, coalesce((SELECT used FROM usage u WHERE u.account_id = a.id AND u.day = :day), 0) AS used
  FROM accounts a WHERE a.id = :account_id;
