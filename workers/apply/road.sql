-- One window's statements, in the order in which they run: see docs/road.md. Every one takes arrays, so that a
-- window costs a handful of round trips whatever its size. {columns} and its like are filled in by
-- workers/apply/statements.py with just the columns that a window's items speak of.

--
-- Arrays of thousands of elements travel as literals, $1::text::bigint[]: see workers/apply/arrays.py. They are
-- unnested side by side in a list of columns: unnest in FROM would write each array to a tuple store and read it back.
--
-- The part first_number is where a transaction's events begin (schemas/changes.py).

-- part: first_number
(SELECT pg_current_xact_id()::text::bigint << 12)

-- name: seen_batches
-- A receipt within a day of a batch's receive time means that the batch is a redelivery, or a sender's retry with
-- the same Idempotency-Key. Only the owner of a shard writes its receipts, so looking is enough to claim. The upper
-- bound spares the partitions of the days to come.
SELECT b.n
FROM unnest($1::bigint[], $2::uuid[], $3::timestamptz[]) WITH ORDINALITY AS b (account_id, batch_id, received_at, n)
JOIN receipts r
  ON r.account_id = b.account_id AND r.batch_id = b.batch_id
 AND r.received_at > b.received_at - interval '24 hours'
 AND r.received_at < b.received_at + interval '24 hours';

-- name: window_feeds
-- Rules and limits as they are now. The batches that were seen stand beside each feed, which spares a round trip; where
-- nobody looks, there are none. Within the window's transaction the key share lock keeps a feed from being deleted under
-- it; a look before it has none.
SELECT f.id, f.account_id, f.over_limit, f.automatically_connect, f.automatically_connect_by_barcode,
       f.case_insensitive_skus, a.daily_sku_limit, a.time_zone, coalesce(s.enabled, false) AS keeps_changes, s.events,
       s.account_id IS NOT NULL AS keeps_events,
       EXISTS (SELECT FROM deferred_items d WHERE d.account_id = f.account_id AND d.feed_id = f.id) AS has_deferred,
       EXISTS (SELECT FROM dead_keys k WHERE k.account_id = f.account_id AND k.feed_id = f.id AND k.overtaken_at IS NULL)
           AS has_dead,
       ARRAY({seen}) AS seen
FROM inventory_feeds f
JOIN accounts a ON a.id = f.account_id
LEFT JOIN change_streams s ON s.account_id = f.account_id
WHERE f.id = ANY ({feeds}::bigint[]) AND f.deleted_at IS NULL
ORDER BY f.id
{lock};

-- name: hold_feeds
-- The key share lock of window_feeds, for a window that looked before its transaction. Where the variants' lock is
-- shared, whether an account has any stays true, and nobody need look for them where it has none.
SELECT f.account_id, EXISTS (SELECT FROM variants v WHERE v.account_id = f.account_id) AS has_variants
FROM inventory_feeds f
WHERE f.id = ANY ($1::bigint[]) AND f.deleted_at IS NULL
ORDER BY f.id
FOR KEY SHARE OF f;

-- name: differing_rows
-- The compare: a key whose stored hash equals costs one index look-up and comes back as nothing.
SELECT k.n, v.id, v.ctid::text AS place, v.charged{columns}
FROM (SELECT generate_series(1, $1::integer) AS n, unnest($2::text::bigint[]) AS account_id,
             unnest($3::text::bigint[]) AS feed_id, unnest($4::text::text[]) AS external_id,
             unnest($5::text::bigint[]) AS item_hash) k
LEFT JOIN feed_variants v
  ON v.account_id = k.account_id AND v.feed_id = k.feed_id AND v.external_id = k.external_id
WHERE v.item_hash IS DISTINCT FROM k.item_hash;

-- name: stored_details
-- Only for rows whose details hash differs from the item's.
SELECT d.feed_variant_id, d.attributes::text AS attributes
FROM unnest($1::text::bigint[], $2::text::bigint[]) AS k (account_id, feed_variant_id)
JOIN feed_variant_details d ON d.account_id = k.account_id AND d.feed_variant_id = k.feed_variant_id;

-- name: update_rows!
-- By the place at which the compare found the row, which saves the second index look-up; a row that moved since
-- (someone disconnected it) is not found, the count tells, and the window is done again.
UPDATE feed_variants v
SET item_hash = u.item_hash, updated_at = $1::timestamptz, last_change = CASE WHEN $2::boolean THEN {first_number} ELSE v.last_change END{assignments}
FROM (SELECT unnest($3::text::tid[]) AS place, unnest($4::text::bigint[]) AS id,
             unnest($5::text::bigint[]) AS item_hash{parameters}) u
WHERE v.ctid = u.place AND v.id = u.id;

-- name: insert_rows
-- Only really new rows come here, so no identity value is burnt on a conflict.
INSERT INTO feed_variants (created_at, updated_at, inventory_updated_at, account_id, feed_id, external_id, item_hash,
                           details_hash, charged, variant_id, last_change{columns})
SELECT $1::timestamptz, $1, {inventory_updated_at}, u.account_id, u.feed_id, u.external_id, u.item_hash, u.details_hash,
       u.charged, u.variant_id, CASE WHEN $2::boolean THEN {first_number} END{values}
FROM (SELECT unnest($3::text::bigint[]) AS account_id, unnest($4::text::bigint[]) AS feed_id,
             unnest($5::text::text[]) AS external_id, unnest($6::text::bigint[]) AS item_hash,
             unnest($7::text::bigint[]) AS details_hash, unnest($8::text::bigint[]) AS charged,
             unnest($9::text::bigint[]) AS variant_id{parameters}) u
{returning};

-- name: insert_detailed_rows!
-- The same with their details, by ids that are drawn before both are written: nothing comes back to be sent again, and
-- no details are looked for where there are none.
WITH u AS MATERIALIZED (
    SELECT nextval('feed_variants_id_seq') AS id, unnest($3::text::bigint[]) AS account_id,
           unnest($4::text::bigint[]) AS feed_id, unnest($5::text::text[]) AS external_id,
           unnest($6::text::bigint[]) AS item_hash, unnest($7::text::bigint[]) AS details_hash,
           unnest($8::text::bigint[]) AS charged, unnest($9::text::bigint[]) AS variant_id{parameters},
           unnest(string_to_array(${last}::text, E'\n', '')) AS attributes
), hot AS (
    INSERT INTO feed_variants (id, created_at, updated_at, inventory_updated_at, account_id, feed_id, external_id,
                               item_hash, details_hash, charged, variant_id, last_change{columns})
    SELECT u.id, $1::timestamptz, $1, {inventory_updated_at}, u.account_id, u.feed_id, u.external_id, u.item_hash,
           u.details_hash, u.charged, u.variant_id, CASE WHEN $2::boolean THEN {first_number} END{values}
    FROM u
)
INSERT INTO feed_variant_details (account_id, feed_variant_id, attributes)
SELECT u.account_id, u.id, u.attributes::jsonb FROM u WHERE u.attributes IS NOT NULL;

-- name: write_details!
INSERT INTO feed_variant_details (account_id, feed_variant_id, attributes)
SELECT u.account_id, u.feed_variant_id, u.attributes::jsonb
FROM unnest($1::text::bigint[], $2::text::bigint[], string_to_array($3::text, E'\n', ''))
     AS u (account_id, feed_variant_id, attributes)
ON CONFLICT (account_id, feed_variant_id) DO UPDATE SET attributes = excluded.attributes;

-- name: delete_rows
-- With their details and what is deferred for them; the order of the keys is the order of the row locks.
WITH k AS (
    SELECT * FROM unnest($1::text::bigint[], $2::text::bigint[], $3::text::text[]) WITH ORDINALITY AS k (account_id, feed_id, external_id, n)
), gone AS (
    DELETE FROM feed_variants v USING k
    WHERE v.account_id = k.account_id AND v.feed_id = k.feed_id AND v.external_id = k.external_id
    RETURNING k.n, v.*
), details AS (
    DELETE FROM feed_variant_details d USING gone
    WHERE d.account_id = gone.account_id AND d.feed_variant_id = gone.id
), forgotten AS (
    DELETE FROM deferred_items i USING k
    WHERE i.account_id = k.account_id AND i.feed_id = k.feed_id AND i.external_id = k.external_id
)
SELECT n, id, variant_id, last_change, vendor_sku, barcode, inventory_quantity, manual_inventory_quantity,
       allocation_buffer_override, inventory_policy, inventory_quantity_override, cost_price::text, retail_price::text,
       compare_at_price::text
FROM gone;

-- name: overtaken_replays
-- Replays that something later of their key came before; of a dead letter that nobody watched (it named no key), what
-- the row says.
SELECT k.n, coalesce(d.overtaken_at, v.updated_at) AS overtaken_at
FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[]) WITH ORDINALITY AS k (account_id, feed_id, external_id, letter, n)
JOIN dead_letters l ON l.id = k.letter
LEFT JOIN dead_keys d ON d.dead_letter_id = k.letter
LEFT JOIN feed_variants v
  ON v.account_id = k.account_id AND v.feed_id = k.feed_id AND v.external_id = k.external_id
 AND d.dead_letter_id IS NULL AND v.updated_at > l.dead_at
WHERE d.overtaken_at IS NOT NULL OR v.id IS NOT NULL;

-- name: replays_arrived!
DELETE FROM dead_keys WHERE dead_letter_id = ANY ($1::bigint[]);

-- name: overtake!
-- A replay overtakes the letters before its own; all else overtakes every letter of its keys.
UPDATE dead_keys d
SET overtaken_at = k.received_at
FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::timestamptz[], $5::bigint[]) AS k (account_id, feed_id, external_id, received_at, letter)
WHERE d.account_id = k.account_id AND d.feed_id = k.feed_id AND d.external_id = k.external_id
  AND d.overtaken_at IS NULL AND d.dead_letter_id < k.letter;

-- name: deferred_of
SELECT k.n, i.item::text AS item
FROM unnest($1::text::bigint[], $2::text::bigint[], $3::text::text[]) WITH ORDINALITY AS k (account_id, feed_id, external_id, n)
JOIN deferred_items i
  ON i.account_id = k.account_id AND i.feed_id = k.feed_id AND i.external_id = k.external_id;

-- name: keep_deferred!
-- An item that waits already keeps its place; the item given holds its fields too.
INSERT INTO deferred_items (deferred_at, account_id, feed_id, external_id, item, batch_id)
SELECT $1::timestamptz, u.account_id, u.feed_id, u.external_id, u.item::jsonb, u.batch_id
FROM unnest($2::text::bigint[], $3::text::bigint[], $4::text::text[], $5::text[], $6::uuid[])
     WITH ORDINALITY AS u (account_id, feed_id, external_id, item, batch_id, n)
ORDER BY u.n
ON CONFLICT (account_id, feed_id, external_id) DO UPDATE SET item = excluded.item, batch_id = excluded.batch_id;

-- name: forget_deferred!
DELETE FROM deferred_items i
USING unnest($1::text::bigint[], $2::text::bigint[], $3::text::text[]) AS k (account_id, feed_id, external_id)
WHERE i.account_id = k.account_id AND i.feed_id = k.feed_id AND i.external_id = k.external_id;

-- name: read_usage
-- What is used, and how many deferred items wait for the room that is left: they go first.
SELECT k.account_id, k.day, coalesce(u.used, 0) AS used,
       (SELECT count(*) FROM (
            SELECT FROM deferred_items d
             WHERE d.account_id = k.account_id AND d.position IS NOT NULL
             LIMIT greatest(k.most - coalesce(u.used, 0), 0)) w) AS waiting
FROM unnest($1::bigint[], $2::date[], $3::integer[]) AS k (account_id, day, most)
LEFT JOIN usage u ON u.account_id = k.account_id AND u.day = k.day;

-- name: open_usage!
-- So that there is a row to lock.
INSERT INTO usage (account_id, day, used)
SELECT k.account_id, k.day, 0
FROM unnest($1::bigint[], $2::date[]) AS k (account_id, day)
ORDER BY k.account_id, k.day
ON CONFLICT DO NOTHING;

-- name: lock_usage
-- Always in this order: windows that charge the same days wait for one another and never in a circle.
WITH locked AS (
    SELECT u.account_id, u.day, u.used, k.most
    FROM usage u
    JOIN unnest($1::bigint[], $2::date[], $3::integer[]) AS k (account_id, day, most)
      ON u.account_id = k.account_id AND u.day = k.day
    ORDER BY u.account_id, u.day
    FOR UPDATE OF u
)
SELECT l.account_id, l.day, l.used,
       (SELECT count(*) FROM (
            SELECT FROM deferred_items d
             WHERE d.account_id = l.account_id AND d.position IS NOT NULL
             LIMIT greatest(l.most - l.used, 0)) w) AS waiting
FROM locked l;

-- part: charged_days
INSERT INTO usage (account_id, day, used)
SELECT k.account_id, k.day, k.taken
FROM unnest($1::bigint[], $2::date[], $3::integer[]) AS k (account_id, day, taken)
JOIN accounts a ON a.id = k.account_id
WHERE k.taken <= coalesce(a.daily_sku_limit, 2147483647)

-- part: within_limit
ORDER BY k.account_id, k.day
ON CONFLICT (account_id, day) DO UPDATE SET used = usage.used + excluded.used
WHERE usage.used + excluded.used
      <= coalesce((SELECT a.daily_sku_limit FROM accounts a WHERE a.id = usage.account_id), 2147483647)
RETURNING account_id, day, used

-- name: charge_usage
-- The limit is looked up here once more: one that was lowered meanwhile holds. A day that would be above its limit
-- is left as it is, and fewer rows come back.
{charged_days}
{within_limit};

-- name: charge_unseen
-- The same for who has not looked: what items wait for is left to them.
{charged_days}
  AND (a.daily_sku_limit IS NULL OR NOT EXISTS (
           SELECT FROM deferred_items d WHERE d.account_id = k.account_id AND d.position IS NOT NULL))
{within_limit};

-- name: add_minutes!
-- What the feeds did this minute, in the statement of the receipts, which spares a round trip. A feed has one writer,
-- and the sorted keys are for those that change shards.
INSERT INTO feed_minutes AS m (minute, account_id, feed_id, created, updated, unchanged, superseded, deferred,
                               rejected, dead, lag_ms)
SELECT $1::timestamptz, unnest($2::text::bigint[]), unnest($3::text::bigint[]), unnest($4::text::integer[]),
       unnest($5::text::integer[]), unnest($6::text::integer[]), unnest($7::text::integer[]),
       unnest($8::text::integer[]), unnest($9::text::integer[]), unnest($10::text::integer[]),
       unnest($11::text::bigint[])
ON CONFLICT (account_id, feed_id, minute) DO UPDATE
SET created = m.created + excluded.created, updated = m.updated + excluded.updated,
    unchanged = m.unchanged + excluded.unchanged, superseded = m.superseded + excluded.superseded,
    deferred = m.deferred + excluded.deferred, rejected = m.rejected + excluded.rejected,
    dead = m.dead + excluded.dead, lag_ms = greatest(m.lag_ms, excluded.lag_ms);

-- name: add_receipts!
-- Claim and outcome in one row: a second commit of the same delivery would break the primary key.
-- Counts and items are JSON documents, a line each.
INSERT INTO receipts (applied_at, account_id, batch_id, received_at, feed_id, run_id, source, counts, items,
                      delivered_at)
SELECT $1::timestamptz, r.account_id, r.batch_id, to_timestamp(0) + r.received_ms * interval '1 ms', r.feed_id, r.run_id,
       r.source, r.counts::jsonb, convert_to(r.items, 'UTF8'), to_timestamp(0) + r.delivered_ms * interval '1 ms'
FROM (SELECT unnest($2::text::bigint[]) AS account_id, unnest($3::text::uuid[]) AS batch_id,
             unnest($4::text::bigint[]) AS received_ms, unnest($5::text::bigint[]) AS feed_id,
             unnest($6::text::bigint[]) AS run_id, unnest($7::text::text[]) AS source,
             unnest(string_to_array($8::text, E'\n')) AS counts, unnest(string_to_array($9::text, E'\n')) AS items,
             unnest($10::text::bigint[]) AS delivered_ms) r;

-- part: every_row
SELECT expect_rows('feed variants', (SELECT count(*) FROM updated), $1::bigint)

-- name: all_updated
-- The end of a window that is one statement: an error, and so nothing of it, unless each of its rows was there.
{every_row};

-- name: all_charged
-- The same, unless each of its days was charged too.
{every_row}, expect_rows('days to charge', (SELECT count(*) FROM charged), $2::bigint),
       ARRAY(SELECT used::bigint FROM charged ORDER BY account_id, day) AS used;

-- name: write_events!
-- What the batches changed, for accounts that keep it.
INSERT INTO events (at, account_id, feed_id, batch_id, run_id, source, received_at, position, event, body)
SELECT $1::timestamptz, e.account_id, e.feed_id, e.batch_id, e.run_id, e.source, e.received_at,
       {first_number} + e.number, e.event, e.body
FROM unnest($2::bigint[], $3::bigint[], $4::uuid[], $5::bigint[], $6::text[], $7::timestamptz[], $8::bigint[],
            $9::text[], $10::bytea[])
     AS e (account_id, feed_id, batch_id, run_id, source, received_at, number, event, body);

-- name: add_event!
SELECT add_event($1, $2, NULL, NULL, $3::text::jsonb);

-- name: receipt_of
SELECT counts::text AS counts, items
FROM receipts
WHERE account_id = $1 AND batch_id = $2
ORDER BY received_at DESC
LIMIT 1;

-- name: account_of
SELECT daily_sku_limit, time_zone FROM accounts WHERE id = $1;

-- name: usage_of
SELECT coalesce((SELECT used FROM usage WHERE account_id = $1 AND day = $2), 0) AS used,
       (SELECT count(*) FROM deferred_items WHERE account_id = $1) AS deferred;
