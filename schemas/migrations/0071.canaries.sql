-- How the canary of each shard last fared: what the dashboard, the ready screen and `feedline top` show of it.
-- depends: 0070.trace

CREATE TABLE canaries (
    shard integer PRIMARY KEY,
    arrived_at timestamptz,  -- when one last went the whole way
    took_ms integer,         -- from its post to its row
    failed_at timestamptz,   -- when one last did not
    stage text CHECK (stage IN ('post', 'receipt', 'row')),  -- the stage that it did not reach
    reason text
) WITH (fillfactor = 50);
