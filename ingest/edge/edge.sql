-- What an edge needs of Postgres: only this, and only now and then.

-- name: feeds_of_edge()
-- Every feed by its webhook hashes. Feeds of other kinds and disabled ones too: their senders are told why, not "unknown".
SELECT id, account_id, enabled, disabled_reason, resource_type, hash, previous_hash,
       (extract(epoch FROM previous_hash_until) * 1000)::bigint AS previous_until_ms
FROM inventory_feeds WHERE deleted_at IS NULL;
