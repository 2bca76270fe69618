-- What the fleet knows of its shards, of the batches that workers died with, and of workers that are leaving.
-- depends: 0005.fleet

-- One row a shard, written with its owner's heartbeat. Times, never ages; what a new owner does not know yet stays.
CREATE TABLE shard_state (
    shard integer PRIMARY KEY,
    worker_id uuid NOT NULL,
    host text NOT NULL,
    since timestamptz,               -- consumed by this worker since; null: not yet
    oldest_at timestamptz,           -- receive time of the oldest batch in hand that is not applied; null: nothing in hand
    applied_at timestamptz,          -- when a window was last committed
    applied_received_at timestamptz, -- receive time of the newest batch that was applied: what is older and has no receipt is lost
    empty_at timestamptz,            -- when the queue was last found empty with nothing in hand, likewise
    gone_at timestamptz,             -- when the queue was last found deleted under its consumer
    waits_for text,                  -- postgres, rabbitmq, retry, lock, worker; null: nothing
    waits_reason text,
    feeds jsonb NOT NULL DEFAULT '[]',  -- of what is in hand: [{"feedId", "batches"}], the most first
    written_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- Which workers began to apply a batch that was delivered again: those of them that died may have died of it.
-- A row goes when its batch is committed.
CREATE TABLE attempts (
    account_id bigint NOT NULL,
    batch_id uuid NOT NULL,
    workers uuid[] NOT NULL,
    begun_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, batch_id)
);

-- A worker that stops takes no shards any more, and is alive until it has handed its own over or its time is up.
ALTER TABLE workers ADD COLUMN stops_at timestamptz;
