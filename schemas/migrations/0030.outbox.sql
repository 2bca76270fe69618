-- Batches that follow from a change of the API, written in its transaction: a broker that is away after the commit
-- loses none of them. Whoever gets to it first publishes and removes them, in their order (schemas/outbox.py).
-- depends: 0001.core

CREATE TABLE outbox (
    account_id bigint NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    feed_id bigint NOT NULL,
    payload bytea NOT NULL,  -- the message body, its batch id included: published twice, it is applied once
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, id)
);
