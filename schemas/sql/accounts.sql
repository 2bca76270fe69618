-- name: account_get(account_id)^
-- The caller's own account.
SELECT id, name, plan, daily_sku_limit, time_zone, created_at, updated_at FROM accounts WHERE id = :account_id;

-- name: account_lock(account_id)^
-- The same, held until the transaction ends, so that two editors do not overwrite each other.
SELECT id, name, plan, daily_sku_limit, time_zone, created_at, updated_at FROM accounts WHERE id = :account_id FOR NO KEY UPDATE;

-- name: account_update(name, plan, daily_sku_limit, time_zone, account_id)^
-- All attributes at once; the trigger tells the workers about a new limit or time zone.
UPDATE accounts
SET name = :name, plan = :plan, daily_sku_limit = :daily_sku_limit, time_zone = :time_zone,
    updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')
WHERE id = :account_id
RETURNING id, name, plan, daily_sku_limit, time_zone, created_at, updated_at;

-- name: account_create(name, plan, daily_sku_limit, time_zone)^
-- A new account; made from the command line alone.
INSERT INTO accounts (name, plan, daily_sku_limit, time_zone)
VALUES (:name, :plan, :daily_sku_limit, :time_zone)
RETURNING id, name, plan, daily_sku_limit, time_zone, created_at, updated_at;

-- name: account_list()
-- All accounts, for the operator.
SELECT id, name, plan, daily_sku_limit, time_zone, created_at, updated_at FROM accounts ORDER BY id;

-- name: account_rate_limit(account_id, rate)$
-- The limit of API requests; null lifts it. API processes see it within seconds.
UPDATE accounts SET requests_per_second = :rate WHERE id = :account_id RETURNING id;
