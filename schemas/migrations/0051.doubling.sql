-- Shards are doubled while everything runs (docs/fleet.md, "Doubling the shards").
-- depends: 0050.agreement 0040.shards

-- One row a new shard, from the beginning of a doubling to its end; the agreed number is the doubled one from the beginning.
CREATE TABLE shard_splits (
    shard integer PRIMARY KEY,   -- takes over half of its parent's feeds
    parent integer NOT NULL,
    bound_at timestamptz,        -- since when all that is published for those feeds is put into its queue too
    marked_at timestamptz,       -- when END was last put into the parent's queue
    ended_at timestamptz         -- when the parent's owner had applied all before END; from then on the shard is consumed
);

-- Whether a worker knows END. One of a release before would bury it.
ALTER TABLE workers ADD COLUMN doubles boolean NOT NULL DEFAULT false;

-- The shard that applies a feed's batches now; null before any process of the fleet has started.
CREATE FUNCTION shard_of_feed(feed_id bigint) RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT coalesce(
               (SELECT s.parent FROM shard_splits s WHERE s.shard = feed_id % a.value::bigint AND s.ended_at IS NULL),
               (feed_id % a.value::bigint)::integer
           )
      FROM fleet_agreement a
     WHERE a.name = 'shards'
);
