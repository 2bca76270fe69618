-- What the resource API adds: feeds are marked deleted until their feed variants are gone, and changed accounts are told.
-- depends: 0001.core

-- A deleted feed is invisible at once; workers, the only writers of feed variants, then remove its rows and it.
ALTER TABLE inventory_feeds ADD COLUMN deleted_at timestamptz;
ALTER TABLE inventory_feeds ALTER COLUMN dropship_provider_id DROP NOT NULL;
ALTER TABLE inventory_feeds ADD CHECK (dropship_provider_id IS NOT NULL OR deleted_at IS NOT NULL);
CREATE INDEX ON inventory_feeds (dropship_provider_id) WHERE deleted_at IS NULL;
CREATE INDEX ON inventory_feeds (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE INDEX ON api_tokens (account_id, id);

-- Workers release deferred items when an account's limit or time zone changes, by whatever hand.
CREATE FUNCTION notify_accounts_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('accounts_changed', NEW.id::text);
    RETURN NULL;
END
$$;
CREATE TRIGGER accounts_changed AFTER UPDATE OF daily_sku_limit, time_zone ON accounts
    FOR EACH ROW EXECUTE FUNCTION notify_accounts_changed();
