-- An account's sandbox: an account of its own, with a provider and a webhook feed.

-- name: sandbox_get(account_id)^
-- A sandbox is its own.
SELECT a.id, f.id AS feed_id, f.hash
FROM accounts a
JOIN inventory_feeds f ON f.account_id = a.id AND f.resource_type = 'webhook' AND f.enabled AND f.deleted_at IS NULL
WHERE (a.sandbox_of = :account_id OR (a.id = :account_id AND a.sandbox_of IS NOT NULL)) AND a.deleted_at IS NULL
ORDER BY f.id LIMIT 1;

-- name: sandbox_account(account_id, daily_sku_limit, requests_per_second)$
-- Made once, whoever comes first; None where this is a sandbox already.
INSERT INTO accounts (name, plan, daily_sku_limit, requests_per_second, time_zone, sandbox_of)
SELECT left('Sandbox of ' || name, 255), 'sandbox', :daily_sku_limit::integer, :requests_per_second::real, time_zone, id
FROM accounts WHERE id = :account_id AND sandbox_of IS NULL AND deleted_at IS NULL
ON CONFLICT (sandbox_of) DO UPDATE SET updated_at = accounts.updated_at
RETURNING id;

-- name: sandbox_feed(account_id, hash)!
WITH provider AS (
    INSERT INTO dropship_providers (account_id, name) VALUES (:account_id, 'Sandbox vendor') RETURNING id
)
INSERT INTO inventory_feeds (account_id, dropship_provider_id, name, resource_type, hash)
SELECT :account_id, id, 'Sandbox feed', 'webhook', :hash FROM provider;

-- name: sandbox_forget_tokens(account_id)!
-- Those that are not valid any more.
DELETE FROM api_tokens WHERE account_id = :account_id AND expires_at < now();

-- name: sandbox_receipt(account_id, batch_id)^
SELECT counts::text AS counts, items FROM receipts WHERE account_id = :account_id AND batch_id = :batch_id LIMIT 1;
