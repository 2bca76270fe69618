-- Receipts with an item that was rejected, deferred or died, which people look for: else every receipt of every feed
-- would be read to find that there is none. A batch all of whose items were taken has no entry here, and costs nothing.
-- A plan made for one outcome (`counts ? 'dead'`) uses its index.
-- depends: 0001.core

CREATE INDEX receipts_rejected ON receipts (account_id, feed_id, received_at) WHERE counts ? 'rejected';
CREATE INDEX receipts_deferred ON receipts (account_id, feed_id, received_at) WHERE counts ? 'deferred';
CREATE INDEX receipts_dead ON receipts (account_id, feed_id, received_at) WHERE counts ? 'dead';
