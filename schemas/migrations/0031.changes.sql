-- What committed windows changed, for the change stream, its subscribers and the history (docs/changes.md); and the
-- minutes and samples that charts are drawn from.
-- depends: 0001.core 0002.pull

-- What an account keeps of its changes; an account without a row keeps nothing.
CREATE TABLE change_streams (
    account_id bigint PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    enabled boolean NOT NULL DEFAULT false,  -- windows leave change records
    events text[] NOT NULL DEFAULT '{}',     -- other events that somebody waits for
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- Insert-only. A position is the writing transaction's id and a number within it: rows below pg_snapshot_xmin are final
-- and complete, so a reader that stays below it never passes by a commit that comes late.
CREATE TABLE events (
    account_id bigint NOT NULL,
    position bigint NOT NULL,  -- transaction id << 12 | number within it
    at timestamptz NOT NULL,
    event text NOT NULL,
    feed_id bigint,
    batch_id uuid,
    run_id bigint,
    source text,
    received_at timestamptz,
    body bytea NOT NULL,       -- JSON; of inventory.changed: the changes of one batch (workers/apply/changes.py)
    PRIMARY KEY (account_id, position, at)
) PARTITION BY RANGE (at);
DO $$
BEGIN
    ALTER TABLE events ALTER COLUMN body SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    NULL;
END
$$;
CREATE TABLE events_default PARTITION OF events DEFAULT;

-- Where the newest change of a feed variant stands: its window; each change names the one before it. So a history needs no index
-- beside the stream's, and updates stay HOT.
ALTER TABLE feed_variants ADD COLUMN last_change bigint;

-- For what happens outside of windows: numbers from 2048 on, which windows leave free.
CREATE FUNCTION add_event(account bigint, named text, feed bigint, run bigint, content jsonb)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    base bigint := pg_current_xact_id()::text::bigint << 12;
    place bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM change_streams s WHERE s.account_id = account AND named = ANY (s.events)) THEN
        RETURN;
    END IF;
    SELECT coalesce(max(e.position) + 1, base + 2048) INTO place
      FROM events e
     WHERE e.account_id = account AND e.position BETWEEN base + 2048 AND base + 4095;
    IF place <= base + 4095 THEN
        INSERT INTO events (account_id, position, at, event, feed_id, run_id, body)
        VALUES (account, place, clock_timestamp(), named, feed, run, convert_to(content::text, 'UTF8'));
    END IF;
END
$$;

CREATE FUNCTION tell_run_held() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM add_event(NEW.account_id, 'run.held', NEW.feed_id, NEW.id, jsonb_build_object(
        'runId', NEW.id, 'inventoryFeedId', NEW.feed_id, 'code', NEW.error_code, 'reason', NEW.error,
        'rowsRead', NEW.rows_read, 'missing', NEW.missing));
    RETURN NULL;
END
$$;
CREATE TRIGGER run_held AFTER UPDATE OF status ON runs FOR EACH ROW
    WHEN (NEW.status = 'held' AND OLD.status <> 'held') EXECUTE FUNCTION tell_run_held();

CREATE FUNCTION tell_feed_failing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM add_event(NEW.account_id, 'feed.failing', NEW.feed_id, NEW.last_run_id, jsonb_build_object(
        'inventoryFeedId', NEW.feed_id, 'failures', NEW.failures, 'failingSince', NEW.failing_since,
        'disabledAt', NEW.disabled_at, 'reason', NEW.last_error));
    RETURN NULL;
END
$$;
-- At the third failure in succession, and when the feed is given up: as the alerts of the puller.
CREATE TRIGGER feed_failing AFTER UPDATE OF failures, disabled_at ON pull_feeds FOR EACH ROW
    WHEN ((NEW.failures >= 3 AND OLD.failures < 3) OR (NEW.disabled_at IS NOT NULL AND OLD.disabled_at IS NULL))
    EXECUTE FUNCTION tell_feed_failing();

-- One event an account for the letters of one statement, with the first hundred.
CREATE FUNCTION tell_dead_letters() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM add_event(d.account_id, 'dead_letter.created', min(d.feed_id), NULL, jsonb_build_object(
                'count', count(*),
                'deadLetters', jsonb_agg(jsonb_build_object('id', d.id, 'inventoryFeedId', d.feed_id,
                    'batchId', d.batch_id, 'externalId', d.external_id, 'code', d.code) ORDER BY d.id)
                    FILTER (WHERE d.n <= 100)))
       FROM (SELECT *, row_number() OVER (PARTITION BY account_id ORDER BY id) AS n
               FROM made WHERE account_id IS NOT NULL) d
      GROUP BY d.account_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER dead_letters_created AFTER INSERT ON dead_letters REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION tell_dead_letters();

-- What each feed did in each minute. A feed has one writer, so nobody waits; updated in place a few hundred times.
CREATE TABLE feed_minutes (
    account_id bigint NOT NULL,
    feed_id bigint NOT NULL,
    minute timestamptz NOT NULL,
    created integer NOT NULL,
    updated integer NOT NULL,
    unchanged integer NOT NULL,
    superseded integer NOT NULL,
    deferred integer NOT NULL,
    rejected integer NOT NULL,
    dead integer NOT NULL,
    lag_ms bigint NOT NULL,  -- the greatest time from receipt to this minute's windows
    PRIMARY KEY (account_id, feed_id, minute)
) PARTITION BY RANGE (minute);
CREATE TABLE feed_minutes_default PARTITION OF feed_minutes DEFAULT;

-- Every five minutes: how far the accounts' days were used by then.
CREATE TABLE usage_samples (
    account_id bigint NOT NULL,
    sampled_at timestamptz NOT NULL,
    day date NOT NULL,
    used integer NOT NULL,
    PRIMARY KEY (account_id, sampled_at)
);
