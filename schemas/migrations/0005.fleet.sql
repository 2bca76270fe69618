-- What the fleet of workers keeps beside the live list.
-- depends: 0001.core

-- A shard that is being handed over: its worker has cancelled its consumer and still has batches in hand. Written before
-- the cancel and removed when nothing is in hand any more; a next owner that finds it waits. Why: docs/fleet.md.
CREATE TABLE shard_drains (
    shard integer PRIMARY KEY,
    worker_id uuid NOT NULL,
    since timestamptz NOT NULL DEFAULT now()
);
