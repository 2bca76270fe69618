-- Operators, suspended accounts, tokens that are bound and expire, answers kept for retried POSTs.
-- depends: 0003.api

ALTER TABLE accounts ADD COLUMN suspended_at timestamptz;
ALTER TABLE accounts ADD COLUMN suspended_reason text;
ALTER TABLE accounts ADD COLUMN deleted_at timestamptz;  -- its rows go when upkeep gets to it
CREATE INDEX accounts_deleted ON accounts (deleted_at) WHERE deleted_at IS NOT NULL;

-- operator: sets plans and limits, and lists, creates, suspends and deletes accounts
ALTER TABLE api_tokens DROP CONSTRAINT api_tokens_scope_check;
ALTER TABLE api_tokens ADD CONSTRAINT api_tokens_scope_check CHECK (scope IN ('read', 'write', 'admin', 'operator'));
ALTER TABLE api_tokens ADD COLUMN expires_at timestamptz;
-- bound to a provider's feeds or to one feed; gone with it, so that no token outlives what it is for
ALTER TABLE api_tokens ADD COLUMN dropship_provider_id bigint REFERENCES dropship_providers ON DELETE CASCADE;
ALTER TABLE api_tokens ADD COLUMN inventory_feed_id bigint REFERENCES inventory_feeds ON DELETE CASCADE;
CREATE INDEX ON api_tokens (dropship_provider_id) WHERE dropship_provider_id IS NOT NULL;
CREATE INDEX ON api_tokens (inventory_feed_id) WHERE inventory_feed_id IS NOT NULL;

-- A hash that was rotated away twice keeps its grace, too.
ALTER TABLE inventory_feeds ADD COLUMN older_hash text UNIQUE;
ALTER TABLE inventory_feeds ADD COLUMN older_hash_until timestamptz;

-- The answers of POSTs with an Idempotency-Key, for a day: written in the transaction that does the work.
CREATE TABLE idempotency_keys (
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    key text NOT NULL,
    request bytea NOT NULL,  -- digest of path and body: the same key with another request is refused
    status smallint NOT NULL,
    answer bytea NOT NULL,   -- headers and body, encrypted: the answer may hold a token
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, key)
);
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);
