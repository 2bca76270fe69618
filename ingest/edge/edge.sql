-- What an edge needs of Postgres: only this, and only now and then.

-- name: feeds_of_edge()
-- Every feed by its webhook hashes. Feeds of other kinds and disabled ones too: their senders are told why, not "unknown".
SELECT f.id, f.account_id, f.resource_type, f.enabled AND a.suspended_at IS NULL AS enabled,
       CASE WHEN a.suspended_at IS NULL THEN f.disabled_reason
            ELSE concat_ws(': ', 'the account is suspended', a.suspended_reason) END AS disabled_reason,
       coalesce(f.settings ->> 'badAttributes', 'skipAttribute') AS bad_attributes,
       f.hash, f.previous_hash, (extract(epoch FROM f.previous_hash_until) * 1000)::bigint AS previous_until_ms,
       f.older_hash, (extract(epoch FROM f.older_hash_until) * 1000)::bigint AS older_until_ms
FROM inventory_feeds f JOIN accounts a ON a.id = f.account_id
WHERE f.deleted_at IS NULL

-- name: with_hash(hash)!
-- Behind the same: of one hash, along the unique indexes, for a sender that is quicker than the next snapshot.
AND (f.hash = :hash OR f.previous_hash = :hash OR f.older_hash = :hash)

-- name: allowances_of_edge()
-- Of each account with a limit, what its latest days are charged: which of them is today is its time zone's to say.
SELECT a.id, a.daily_sku_limit, a.time_zone, u.day, u.used
FROM accounts a LEFT JOIN usage u ON u.account_id = a.id AND u.day >= current_date - 1
WHERE a.daily_sku_limit IS NOT NULL;
