-- Batches on their way from a committed change to the queue.

-- name: put!
INSERT INTO outbox (account_id, feed_id, payload)
SELECT b.account_id, b.feed_id, b.payload
FROM unnest($1::bigint[], $2::bigint[], $3::bytea[]) WITH ORDINALITY AS b (account_id, feed_id, payload, n)
ORDER BY b.n;

-- name: waiting
-- The accounts that something waits for; nearly always none.
SELECT DISTINCT account_id FROM outbox ORDER BY account_id;

-- name: hold
-- The oldest first, and no skipping: whoever comes second waits for the first and finds what it left.
SELECT id, feed_id, payload
FROM outbox
WHERE account_id = $1
ORDER BY id
LIMIT $2
FOR UPDATE;

-- name: remove!
DELETE FROM outbox WHERE account_id = $1 AND id = ANY ($2::bigint[]);
