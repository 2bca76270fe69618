-- What a file no longer has: dealt into parts of zeroes.

-- name: create_seen()!
-- The external ids of a file; `doubtful` ones were read out of rows that are out of shape.
CREATE TEMPORARY TABLE seen (external_id text COLLATE "C" NOT NULL, doubtful boolean NOT NULL) ON COMMIT DROP;

-- name: analyze_seen()!
ANALYZE seen;

-- name: stock_against(account_id, feed_id)^
-- What is stored, or deferred, with a quantity, how much of it the file does not have, and how many doubtful ids of the
-- file are not known at all.
WITH stored AS (
    SELECT external_id FROM feed_variants
     WHERE account_id = :account_id AND feed_id = :feed_id AND inventory_quantity <> 0
     UNION
    SELECT external_id FROM deferred_items
     WHERE account_id = :account_id AND feed_id = :feed_id AND coalesce(item ->> 'inventoryQuantity', '0') <> '0')
SELECT count(*)::int AS stored,
       (count(*) FILTER (WHERE NOT EXISTS (SELECT FROM seen WHERE seen.external_id = stored.external_id)))::int AS gone,
       (SELECT count(*) FROM seen WHERE doubtful AND NOT EXISTS (
           SELECT FROM feed_variants v
            WHERE v.account_id = :account_id AND v.feed_id = :feed_id AND v.external_id = seen.external_id))::int AS unknown
  FROM stored;

-- name: deal_missing(account_id, feed_id, part_items, run_id, first_part)$
-- Stored items, or deferred ones, with a quantity that the file did not have, dealt out into parts after the file's own.
WITH stored AS (
    SELECT external_id FROM feed_variants
     WHERE account_id = :account_id AND feed_id = :feed_id AND inventory_quantity <> 0
     UNION
    SELECT external_id FROM deferred_items
     WHERE account_id = :account_id AND feed_id = :feed_id AND coalesce(item ->> 'inventoryQuantity', '0') <> '0'),
gone AS (
    SELECT external_id, (row_number() OVER (ORDER BY external_id) - 1) / :part_items AS part FROM stored
     WHERE NOT EXISTS (SELECT FROM seen WHERE seen.external_id = stored.external_id)),
dealt AS (
    INSERT INTO run_missing (run_id, part, external_ids)
    SELECT :run_id, :first_part + part, array_agg(external_id ORDER BY external_id) FROM gone GROUP BY part
    RETURNING external_ids)
SELECT coalesce(sum(cardinality(external_ids)), 0)::int FROM dealt;

-- name: set_missing(missing, run_id, owner, attempt)^
UPDATE runs SET missing = :missing, stage = 'cleaning'
 WHERE id = :run_id AND lease_owner = :owner AND attempt = :attempt AND status = 'fetching'
RETURNING id;

-- name: missing_parts(run_id, first_part, most)
SELECT part, external_ids FROM run_missing WHERE run_id = :run_id AND part >= :first_part ORDER BY part LIMIT :most;

-- name: clear_missing(run_id)!
DELETE FROM run_missing WHERE run_id = :run_id;
