-- How feeds are divided among shards, for whoever tells of a feed's shard.

-- name: division(account_id, shards)^
-- The agreed number (before any process of the fleet has started the setting's), and those that take nothing over yet.
SELECT coalesce((SELECT f.value::integer FROM fleet_agreement f WHERE f.name = 'shards'), :shards::integer) AS shards,
       ARRAY(SELECT s.shard FROM shard_splits s WHERE s.ended_at IS NULL) AS closed
  FROM accounts a WHERE a.id = :account_id;
