-- name: account_of_token(token_hash)$
-- The demo account is the one that the stack's own token belongs to.
SELECT account_id FROM api_tokens WHERE token_hash = :token_hash AND revoked_at IS NULL;

-- name: account_named_demo()$
-- A database that another checkout has seeded: the oldest demo account, so that it is not seeded twice.
SELECT id FROM accounts WHERE name = 'Demo' AND plan = 'demo' ORDER BY id LIMIT 1;

-- name: add_account()<!
INSERT INTO accounts (name, plan, daily_sku_limit) VALUES ('Demo', 'demo', 10000) RETURNING id;

-- name: keep_changes(account_id)!
-- So that the stream and histories show something at once.
INSERT INTO change_streams (account_id, enabled) VALUES (:account_id, true) ON CONFLICT DO NOTHING;

-- name: add_token(account_id, token_hash)!
INSERT INTO api_tokens (account_id, name, scope, token_hash)
VALUES (:account_id, 'local stack', 'operator', :token_hash)
ON CONFLICT (token_hash) DO NOTHING;

-- name: provider(account_id)$
SELECT id FROM dropship_providers WHERE account_id = :account_id ORDER BY id LIMIT 1;

-- name: add_provider(account_id)<!
INSERT INTO dropship_providers (account_id, name) VALUES (:account_id, 'Demo vendor') RETURNING id;

-- name: webhook_feed(account_id)^
SELECT id, hash FROM inventory_feeds
WHERE account_id = :account_id AND resource_type = 'webhook' AND enabled ORDER BY id LIMIT 1;

-- name: add_webhook_feed(account_id, provider_id, hash)<!
INSERT INTO inventory_feeds (account_id, dropship_provider_id, name, resource_type, hash)
VALUES (:account_id, :provider_id, 'Demo webhook feed', 'webhook', :hash) RETURNING id, hash;

-- name: pulled_feed(account_id, name)^
SELECT id, secrets FROM inventory_feeds
WHERE account_id = :account_id AND name = :name AND resource_type <> 'webhook' AND deleted_at IS NULL
ORDER BY id LIMIT 1;

-- name: add_pulled_feed(account_id, provider_id, name, resource_type, hash, settings, secrets)<!
INSERT INTO inventory_feeds (account_id, dropship_provider_id, name, resource_type, hash, settings, secrets)
VALUES (:account_id, :provider_id, :name, :resource_type, :hash, :settings, :secrets) RETURNING id;

-- name: move_pulled_feed(id, address, secrets)!
-- The demo vendor has other ports than at the last start.
UPDATE inventory_feeds
SET secrets = :secrets, settings = settings || jsonb_build_object('resourceLocation', :address::text), updated_at = now()
WHERE id = :id;
