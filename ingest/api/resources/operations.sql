-- Operations: count what is meant, make, look, decide. The workers do them (workers/duties/operations.sql).

-- name: count_meant(account_id, wanted, feed_id, code, cause, of_operation, overtaken)^
-- How many are meant, up to which id, and for how many of them something newer came since they died.
SELECT count(*) AS total, coalesce(max(l.id), 0) AS max_id, count(k.overtaken_at) AS newer
  FROM dead_letters_meant(:account_id, :wanted, :feed_id, :code, :cause, :of_operation, 9223372036854775807) l
  LEFT JOIN dead_keys k ON k.dead_letter_id = l.id
 WHERE :overtaken::boolean IS NOT TRUE OR k.overtaken_at IS NOT NULL;

-- name: count_frozen(account_id, wanted, feed_id, code, cause, of_operation, overtaken, max_id)$
-- How many of those that were counted are still to be done.
SELECT count(*)
  FROM dead_letters_meant(:account_id, :wanted, :feed_id, :code, :cause, :of_operation, :max_id) l
  LEFT JOIN dead_keys k ON k.dead_letter_id = l.id
 WHERE :overtaken::boolean IS NOT TRUE OR k.overtaken_at IS NOT NULL;

-- name: create_operation(account_id, kind, who, feed_id, code, cause, of_operation, overtaken, newer, max_id, total, pause_at, per_second)^
INSERT INTO operations (account_id, kind, who, feed_id, code, cause, of_operation, overtaken, newer, max_id, total,
                        pause_at, per_second)
VALUES (:account_id, :kind, :who, :feed_id, :code, :cause, :of_operation, :overtaken, :newer, :max_id, :total,
        :pause_at, :per_second)
RETURNING *;

-- name: list_operations(account_id, before, open, limit)
-- Newest first.
SELECT * FROM operations
 WHERE account_id = :account_id AND id < coalesce(:before::bigint, 9223372036854775807)
   AND (:open::boolean IS NULL OR (ended_at IS NULL) = :open::boolean)
 ORDER BY id DESC LIMIT :limit;

-- name: get_operation(account_id, id)^
SELECT * FROM operations WHERE account_id = :account_id AND id = :id;

-- name: set_status(account_id, id, from_status, status, said, per_second)^
-- A decision about one that has not ended; who comes too late gets no row.
UPDATE operations
   SET status = CASE WHEN :status::text = 'running' AND started_at IS NULL THEN 'queued' ELSE :status::text END,
       said = :said, pause_at = NULL, per_second = coalesce(:per_second::integer, per_second),
       ended_at = CASE WHEN :status::text = 'cancelled' THEN now() END, updated_at = clock_timestamp()
 WHERE account_id = :account_id AND id = :id AND ended_at IS NULL AND status = ANY (:from_status::text[])
RETURNING *;

-- name: operation_items(account_id, id, result, after, limit)
-- What it did to each, in the order of the ids.
SELECT i.dead_letter_id, i.result, i.reason, i.batch_id, l.external_id, l.feed_id
  FROM operations o
  JOIN operation_items i ON i.operation_id = o.id
  LEFT JOIN dead_letters l ON l.id = i.dead_letter_id AND l.account_id = o.account_id
 WHERE o.account_id = :account_id AND o.id = :id AND i.dead_letter_id > coalesce(:after::bigint, 0)
   AND (:result::text IS NULL OR i.result = :result::text)
 ORDER BY i.dead_letter_id LIMIT :limit;
