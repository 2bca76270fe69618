-- Dead letters: what could not be applied, or not be read, with its reason; to list, show, replay, discard.

-- name: store!
-- With the keys to watch for what comes later (dead_keys). What the broker gave up on comes here some time after: what
-- was written for its key since its receive time is later already.
WITH stored AS (
    INSERT INTO dead_letters (dead_at, account_id, feed_id, batch_id, external_id, code, reason, payload, received_at)
    SELECT $1::timestamptz, d.account_id, d.feed_id, d.batch_id, d.external_id, d.code, d.reason, d.payload, d.received_at
    FROM unnest($2::bigint[], $3::bigint[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::bytea[], $9::timestamptz[])
         AS d (account_id, feed_id, batch_id, external_id, code, reason, payload, received_at)
    RETURNING id, account_id, feed_id, external_id, code, received_at
)
INSERT INTO dead_keys (dead_letter_id, account_id, feed_id, external_id, overtaken_at)
SELECT s.id, s.account_id, s.feed_id, s.external_id,
       (SELECT v.updated_at FROM feed_variants v
         WHERE v.account_id = s.account_id AND v.feed_id = s.feed_id AND v.external_id = s.external_id
           AND s.code LIKE 'broker.%' AND v.updated_at > s.received_at)
FROM stored s
WHERE s.account_id IS NOT NULL AND s.feed_id IS NOT NULL AND s.external_id IS NOT NULL;

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
  AND ($8::text IS NULL OR dead_cause(reason) = $8)
ORDER BY id
LIMIT $7::bigint;

-- name: hold
-- For a replay: what another session replays or discards at this moment is left to it.
SELECT *
FROM dead_letters
WHERE id = $1::bigint AND status = 'dead'
FOR UPDATE SKIP LOCKED;

-- name: settle
-- In the order of the ids, as the workers lock them. The keys of what is discarded are watched on: it may be restored.
WITH held AS (
    SELECT id FROM dead_letters WHERE id = ANY ($1::bigint[]) AND status = 'dead' ORDER BY id FOR UPDATE
), settled AS (
    UPDATE dead_letters d SET status = $2::text, settled_at = $3::timestamptz FROM held h WHERE d.id = h.id
    RETURNING d.id
)
SELECT id FROM settled ORDER BY id;

-- name: restore
-- A process of the release before forgets the key of what it discards: then what the row says decides.
WITH held AS (
    SELECT id FROM dead_letters WHERE id = ANY ($1::bigint[]) AND status = 'discarded' ORDER BY id FOR UPDATE
), restored AS (
    UPDATE dead_letters d SET status = 'dead', settled_at = NULL FROM held h WHERE d.id = h.id
    RETURNING d.id, d.account_id, d.feed_id, d.external_id, d.dead_at
), watched AS (
    INSERT INTO dead_keys (dead_letter_id, account_id, feed_id, external_id, overtaken_at)
    SELECT r.id, r.account_id, r.feed_id, r.external_id,
           (SELECT v.updated_at FROM feed_variants v
             WHERE v.account_id = r.account_id AND v.feed_id = r.feed_id AND v.external_id = r.external_id
               AND v.updated_at > r.dead_at)
    FROM restored r
    WHERE r.account_id IS NOT NULL AND r.feed_id IS NOT NULL AND r.external_id IS NOT NULL
    ON CONFLICT DO NOTHING
)
SELECT id FROM restored ORDER BY id;
