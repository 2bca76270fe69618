-- Dead letters by cause: code, feed, and the reason without its values. Counted by the tallies that their changes leave.

-- name: groups(account_id, status, groups)
-- The causes with the most; of each its first and its last along the index dead_letters_cause.
WITH by_hour AS (
    SELECT code, feed_id, cause, sum(n) AS n,
           CASE WHEN died > now() - interval '24 hours'
                THEN greatest(0, floor(extract(epoch FROM now() - died) / 3600)) END::integer AS hour
      FROM dead_letter_tallies WHERE account_id = :account_id AND status = :status
     GROUP BY code, feed_id, cause, hour
), causes AS (
    SELECT code, feed_id, cause, sum(n)::bigint AS count,
           jsonb_object_agg(hour, n) FILTER (WHERE hour IS NOT NULL) AS hours
      FROM by_hour GROUP BY code, feed_id, cause HAVING sum(n) > 0
     ORDER BY sum(n) DESC, code, feed_id, cause LIMIT :groups
)
SELECT c.code, nullif(c.feed_id, 0) AS feed_id, c.cause, f.name AS feed_name, dead_reason(last.reason) AS reason,
       c.count, first.dead_at AS first_at, last.dead_at AS last_at, last.id AS last_id,
       last.reason AS sample, last.external_id AS sample_external_id, c.hours,
       n.note, n.who AS noted_by, n.updated_at AS noted_at
  FROM causes c
 CROSS JOIN LATERAL (
    SELECT dead_at FROM dead_letters
     WHERE account_id = :account_id AND status = :status AND code = c.code AND coalesce(feed_id, 0) = c.feed_id
       AND dead_cause(reason) = c.cause ORDER BY id LIMIT 1) first
 CROSS JOIN LATERAL (
    SELECT id, dead_at, reason, external_id FROM dead_letters
     WHERE account_id = :account_id AND status = :status AND code = c.code AND coalesce(feed_id, 0) = c.feed_id
       AND dead_cause(reason) = c.cause ORDER BY id DESC LIMIT 1) last
  LEFT JOIN inventory_feeds f ON f.id = nullif(c.feed_id, 0) AND f.account_id = :account_id AND f.deleted_at IS NULL
  LEFT JOIN dead_letter_notes n
    ON n.account_id = :account_id AND n.code = c.code AND n.feed_id = c.feed_id AND n.cause = c.cause
 ORDER BY c.count DESC, last.id DESC;

-- name: set_note(account_id, code, feed_id, cause, note, who)!
INSERT INTO dead_letter_notes (account_id, code, feed_id, cause, note, who)
VALUES (:account_id, :code, coalesce(:feed_id::bigint, 0), :cause, :note, :who)
ON CONFLICT (account_id, code, feed_id, cause)
DO UPDATE SET note = excluded.note, who = excluded.who, updated_at = clock_timestamp();

-- name: drop_note(account_id, code, feed_id, cause)!
DELETE FROM dead_letter_notes
 WHERE account_id = :account_id AND code = :code AND feed_id = coalesce(:feed_id::bigint, 0) AND cause = :cause;
