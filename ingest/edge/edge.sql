-- What an edge needs of Postgres: only this, and only now and then.

-- name: feeds_of_edge()
-- Every feed by its webhook hashes. Feeds of other kinds and disabled ones too: their senders are told why, not "unknown".
SELECT f.id, f.account_id, f.enabled AND a.suspended_at IS NULL AS enabled, f.resource_type, f.hash, f.previous_hash,
       CASE WHEN a.suspended_at IS NULL THEN f.disabled_reason
            ELSE concat_ws(': ', 'the account is suspended', a.suspended_reason) END AS disabled_reason,
       (extract(epoch FROM f.previous_hash_until) * 1000)::bigint AS previous_until_ms
FROM inventory_feeds f JOIN accounts a ON a.id = f.account_id
WHERE f.deleted_at IS NULL;
