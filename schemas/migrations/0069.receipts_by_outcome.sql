-- Receipts with an item that was rejected, deferred or died, which people look for: else every receipt of every feed
-- would be read to find that there is none. A batch all of whose items were taken has no entry here, and costs nothing.
-- A plan made for one outcome (`counts ? 'dead'`) uses its index.
-- Only what they are is said here: they are built partition by partition, beside whoever writes (deploy/indexes.py).
-- depends: 0001.core

CREATE INDEX receipts_rejected ON ONLY receipts (account_id, feed_id, received_at) WHERE counts ? 'rejected';
CREATE INDEX receipts_deferred ON ONLY receipts (account_id, feed_id, received_at) WHERE counts ? 'deferred';
CREATE INDEX receipts_dead ON ONLY receipts (account_id, feed_id, received_at) WHERE counts ? 'dead';
