-- What all processes of a fleet must agree on, whoever was first: the number of shards, because a feed maps to one by it.
-- depends: 0001.core

CREATE TABLE fleet_agreement (
    name text PRIMARY KEY,
    value text NOT NULL
);
