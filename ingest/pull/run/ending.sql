-- How a run ended, and what its feed keeps of that.

-- name: end_run(status, bytes, counts, settled, batches, error_code, error, note, run_id, owner, attempt)^
-- Nothing comes back when the run is no longer ours.
UPDATE runs SET
    status = :status, stage = NULL, ended_at = clock_timestamp(), lease_owner = NULL, lease_until = NULL,
    bytes = coalesce(:bytes, bytes), counts = :counts, settled = :settled, batches = :batches,
    error_code = :error_code, error = :error, note = :note
 WHERE id = :run_id AND lease_owner = :owner AND attempt = :attempt AND status = 'fetching'
RETURNING *;

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

-- name: feed_succeeded(run_id, status, now, next_fetch_at, planned_for, time_zone, validators, settings_seal, rows, mapped, final_newline, baseline_at, layout, feed_id)!
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
    baseline_at = coalesce(:baseline_at, baseline_at),
    layout = coalesce(:layout, layout)
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
