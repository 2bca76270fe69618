-- One Postgres role a part of Feedline, each with what it needs and no more. For psql, as a superuser or as the
-- database's owner with CREATEROLE, in Feedline's database, after every `feedline migrate`: running it again is harmless.
-- Passwords are set apart (\password feedline_edge), so that none stands in a file.
--
--   feedline         owns everything: migrations, workers (they make and drop partitions, and end each other's sessions)
--   feedline_edge    webhooks: reads who may send, nothing else
--   feedline_api     the API and the dashboard
--   feedline_pull    pulled feeds
--   feedline_deliver webhooks out
--   feedline_watch   what the fleet does, and the canary's account
--
-- Feed variants, their details, usage, receipts and deferred items are written by workers alone: no other role may.
BEGIN;

DO $$
DECLARE
    named text;
BEGIN
    FOREACH named IN ARRAY ARRAY['feedline', 'feedline_edge', 'feedline_api', 'feedline_pull', 'feedline_deliver', 'feedline_watch'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = named) THEN
            EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE', named);
        END IF;
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), named);
    END LOOP;
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO feedline;
GRANT USAGE ON SCHEMA public TO feedline_edge, feedline_api, feedline_pull, feedline_deliver, feedline_watch;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM feedline_edge, feedline_api, feedline_pull, feedline_deliver, feedline_watch;

-- What every role agrees on when it starts, and what migrations there are.
GRANT SELECT ON fleet_agreement, shard_splits, workers TO feedline_edge, feedline_api, feedline_pull, feedline_deliver, feedline_watch;
GRANT INSERT ON fleet_agreement TO feedline_edge, feedline_api, feedline_pull, feedline_deliver, feedline_watch;
GRANT SELECT ON _yoyo_migration TO feedline_edge, feedline_api, feedline_pull, feedline_deliver, feedline_watch;

GRANT SELECT ON accounts, inventory_feeds, usage TO feedline_edge;

GRANT SELECT ON ALL TABLES IN SCHEMA public TO feedline_api;
GRANT INSERT, UPDATE, DELETE ON
    accounts, api_tokens, people, login_links, sessions, vendor_links, vendor_sessions, dropship_providers, inventory_feeds,
    pull_feeds, runs, run_diffs, run_diff_chunks, variants, outbox, idempotency_keys, previews, endpoints, change_streams,
    dead_letters, dead_keys, dead_letter_notes, operations, feed_versions
TO feedline_api;
GRANT INSERT ON audit_log, events TO feedline_api;

GRANT SELECT ON
    accounts, inventory_feeds, pull_feeds, runs, run_diffs, run_diff_chunks, run_missing, run_rejects,
    feed_variants, feed_variant_details, deferred_items, receipts, usage, change_streams, events, dead_letters, dead_keys
TO feedline_pull;
GRANT INSERT, UPDATE, DELETE ON pull_feeds, runs, run_diffs, run_diff_chunks, run_missing, run_rejects TO feedline_pull;
GRANT UPDATE ON inventory_feeds TO feedline_pull;
GRANT INSERT ON events TO feedline_pull;

GRANT SELECT ON accounts, change_streams, events, endpoints, endpoint_attempts, feed_variants, receipts TO feedline_deliver;
GRANT UPDATE ON endpoints TO feedline_deliver;
GRANT INSERT, UPDATE, DELETE ON endpoint_attempts TO feedline_deliver;

GRANT SELECT ON
    accounts, dropship_providers, inventory_feeds, pull_feeds, runs, feed_variants, deferred_items, dead_letters, receipts, usage,
    shard_state
TO feedline_watch;
GRANT INSERT ON accounts, dropship_providers, inventory_feeds TO feedline_watch;
GRANT SELECT, INSERT, UPDATE ON canaries TO feedline_watch;
GRANT USAGE ON SEQUENCE inventory_feeds_id_seq TO feedline_watch;
GRANT pg_read_all_stats TO feedline_watch;  -- whether a standby replicates

COMMIT;
