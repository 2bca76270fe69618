-- Dead letters: what could not be applied, or not be read, with its reason; to list, show, replay, discard.

-- name: store!
INSERT INTO dead_letters (dead_at, account_id, feed_id, batch_id, external_id, code, reason, payload, received_at)
SELECT $1::timestamptz, d.account_id, d.feed_id, d.batch_id, d.external_id, d.code, d.reason, d.payload, d.received_at
FROM unnest($2::bigint[], $3::bigint[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::bytea[], $9::timestamptz[])
     AS d (account_id, feed_id, batch_id, external_id, code, reason, payload, received_at);

-- name: find
-- By account (null: any), then by whatever the filter names; in the order in which they came.
SELECT *
FROM dead_letters
WHERE ($1::bigint IS NULL OR account_id = $1)
  AND ($2::bigint[] IS NULL OR id = ANY ($2))
  AND ($3::bigint IS NULL OR feed_id = $3)
  AND ($4::text IS NULL OR code = $4)
  AND ($5::text IS NULL OR status = $5)
  AND id > $6::bigint
ORDER BY id
LIMIT $7::bigint;

-- name: hold
-- For a replay: what another session replays or discards at this moment is left to it.
SELECT *
FROM dead_letters
WHERE id = $1::bigint AND status = 'dead'
FOR UPDATE SKIP LOCKED;

-- name: settle
UPDATE dead_letters
SET status = $2::text, settled_at = $3::timestamptz
WHERE id = ANY ($1::bigint[]) AND status = 'dead'
RETURNING id;
