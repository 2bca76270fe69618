-- What is used of an account's daily SKU limit; without what is deferred, which takes counting.

-- name: day(account_id, at)^
SELECT a.time_zone, a.daily_sku_limit, (:at::timestamptz AT TIME ZONE a.time_zone)::date AS day,
       coalesce(u.used, 0) AS used
FROM accounts a
LEFT JOIN usage u ON u.account_id = a.id AND u.day = (:at::timestamptz AT TIME ZONE a.time_zone)::date
WHERE a.id = :account_id;
