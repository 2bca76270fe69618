-- Operations on dead letters, part by part; how far each came is written with what it did.

-- name: open_operations
-- Those that somebody waits for, the oldest first; few, by a partial index.
SELECT * FROM operations WHERE ended_at IS NULL AND status IN ('queued', 'running') ORDER BY id LIMIT 100;

-- name: lock_if_open(id)$
-- A decision about an operation that only marks waits for the part at hand: after a cancellation nothing is marked.
SELECT id FROM operations WHERE id = :id AND status IN ('queued', 'running') FOR UPDATE;

-- name: next_letters(account_id, wanted, feed_id, code, cause, of_operation, overtaken, after_id, max_id, most)
-- The next part, without locks, each with the time of the newer value that its replay would meet.
SELECT l.*, k.overtaken_at
  FROM dead_letters_meant(:account_id, :wanted, :feed_id, :code, :cause, :of_operation, :max_id) l
  LEFT JOIN dead_keys k ON k.dead_letter_id = l.id
 WHERE l.id > :after_id AND (:overtaken::boolean IS NOT TRUE OR k.overtaken_at IS NOT NULL)
 ORDER BY l.id
 LIMIT :most;

-- name: forget_overtaken(ids)!
-- The newer values that were there when somebody decided to overwrite them; what comes from now on is newer again.
UPDATE dead_keys SET overtaken_at = NULL WHERE dead_letter_id = ANY (:ids::bigint[]);

-- name: hold_dead(ids)
-- For as long as a part takes; what another session is at is left to it.
SELECT id FROM dead_letters WHERE id = ANY (:ids::bigint[]) AND status = 'dead' ORDER BY id FOR UPDATE SKIP LOCKED;

-- name: note_items(operation_id, ids, results, reasons, batch_ids)!
INSERT INTO operation_items (operation_id, dead_letter_id, result, reason, batch_id)
SELECT :operation_id, * FROM unnest(:ids::bigint[], :results::text[], :reasons::text[], :batch_ids::uuid[])
ON CONFLICT DO NOTHING;

-- name: advance(id, after_id, done, skipped, failed)!
-- Whatever was decided meanwhile (a pause, a cancellation) stays decided.
UPDATE operations
   SET after_id = :after_id, done = done + :done, skipped = skipped + :skipped, failed = failed + :failed,
       said = CASE WHEN status IN ('queued', 'running') THEN NULL ELSE said END,
       status = CASE WHEN status = 'queued' THEN 'running' ELSE status END,
       started_at = coalesce(started_at, now()), updated_at = clock_timestamp()
 WHERE id = :id;

-- name: wait(id, said)!
UPDATE operations SET said = :said, updated_at = clock_timestamp() WHERE id = :id AND said IS DISTINCT FROM :said;

-- name: pause(id, said)!
UPDATE operations SET status = 'paused', pause_at = NULL, said = :said, updated_at = clock_timestamp()
 WHERE id = :id AND ended_at IS NULL AND status IN ('queued', 'running');

-- name: finish(id)!
UPDATE operations
   SET status = 'finished', said = NULL, started_at = coalesce(started_at, now()), ended_at = now(),
       updated_at = clock_timestamp()
 WHERE id = :id AND ended_at IS NULL;

-- name: prune_operations(before)!
DELETE FROM operations WHERE ended_at < :before;

-- name: prune_letters(before, most)$
-- A part of what was replayed or discarded long ago; returns how many. From here on Restore finds nothing.
WITH old AS (SELECT id FROM dead_letters WHERE status <> 'dead' AND settled_at < :before ORDER BY settled_at LIMIT :most),
     gone AS (DELETE FROM dead_letters d USING old WHERE d.id = old.id AND d.status <> 'dead' RETURNING d.id)
SELECT count(*) FROM gone;

-- name: fold_tallies(now)!
-- One row a cause, status and five minutes; those older than a day, which no trend shows, together. What is added
-- meanwhile stays as it is, and what somebody else has folded is not folded again.
WITH kept AS (
    SELECT ctid AS place, account_id, status, code, feed_id, cause, n,
           CASE WHEN died > :now::timestamptz - interval '25 hours' THEN died ELSE 'epoch' END AS died
      FROM dead_letter_tallies
), folded AS (
    SELECT array_agg(place) AS places
      FROM kept GROUP BY account_id, status, code, feed_id, cause, died HAVING count(*) > 1
), gone AS (
    DELETE FROM dead_letter_tallies WHERE ctid = ANY (ARRAY(SELECT unnest(places) FROM folded)) RETURNING *
)
INSERT INTO dead_letter_tallies (account_id, status, code, feed_id, cause, died, n)
SELECT account_id, status, code, feed_id, cause,
       CASE WHEN died > :now::timestamptz - interval '25 hours' THEN died ELSE 'epoch' END, sum(n)
  FROM gone GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(n) <> 0;
