-- How far a doubling of the shards has come (the table `shard_splits`).

-- name: bound(shard)!
UPDATE shard_splits SET bound_at = now() WHERE shard = :shard;

-- name: marked(shard)!
UPDATE shard_splits SET marked_at = now() WHERE shard = :shard;

-- name: finish!
-- All new shards are consumed.
DELETE FROM shard_splits WHERE NOT EXISTS (SELECT FROM shard_splits WHERE ended_at IS NULL);
