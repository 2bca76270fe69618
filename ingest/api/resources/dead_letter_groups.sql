-- Dead letters by cause: code, feed, and the reason without its values. Along the index dead_letters_cause.

-- name: groups(account_id, status, most, groups)
-- From group to group by one look each; of each its count up to a bound, its first and its last.
WITH RECURSIVE causes AS (
    (SELECT code, coalesce(feed_id, 0) AS feed, dead_cause(reason) AS cause, 1 AS n FROM dead_letters
      WHERE account_id = :account_id AND status = :status
      ORDER BY code, coalesce(feed_id, 0), dead_cause(reason) LIMIT 1)
    UNION ALL
    SELECT next.*, c.n + 1 FROM causes c CROSS JOIN LATERAL (
        SELECT code, coalesce(feed_id, 0), dead_cause(reason) FROM dead_letters
         WHERE account_id = :account_id AND status = :status
           AND (code, coalesce(feed_id, 0), dead_cause(reason)) > (c.code, c.feed, c.cause)
         ORDER BY code, coalesce(feed_id, 0), dead_cause(reason) LIMIT 1) next
     WHERE c.n < :groups
)
SELECT c.code, nullif(c.feed, 0) AS feed_id, c.cause, f.name AS feed_name, dead_reason(last.reason) AS reason,
       counted.count, first.dead_at AS first_at, last.dead_at AS last_at, last.id AS last_id,
       last.reason AS sample, last.external_id AS sample_external_id, counted.hours,
       n.note, n.who AS noted_by, n.updated_at AS noted_at
  FROM causes c
 CROSS JOIN LATERAL (
    SELECT dead_at FROM dead_letters
     WHERE account_id = :account_id AND status = :status AND code = c.code AND coalesce(feed_id, 0) = c.feed
       AND dead_cause(reason) = c.cause ORDER BY id LIMIT 1) first
 CROSS JOIN LATERAL (
    SELECT id, dead_at, reason, external_id FROM dead_letters
     WHERE account_id = :account_id AND status = :status AND code = c.code AND coalesce(feed_id, 0) = c.feed
       AND dead_cause(reason) = c.cause ORDER BY id DESC LIMIT 1) last
 CROSS JOIN LATERAL (
    SELECT sum(by_hour.n)::bigint AS count,
           jsonb_object_agg(by_hour.hour, by_hour.n) FILTER (WHERE by_hour.hour < 24) AS hours
      FROM (SELECT least(24, floor(extract(epoch FROM now() - newest.dead_at) / 3600))::integer AS hour, count(*) AS n
              FROM (SELECT dead_at FROM dead_letters
                     WHERE account_id = :account_id AND status = :status AND code = c.code
                       AND coalesce(feed_id, 0) = c.feed AND dead_cause(reason) = c.cause
                     ORDER BY id DESC LIMIT :most) newest
             GROUP BY 1) by_hour) counted
  LEFT JOIN inventory_feeds f ON f.id = nullif(c.feed, 0) AND f.account_id = :account_id AND f.deleted_at IS NULL
  LEFT JOIN dead_letter_notes n
    ON n.account_id = :account_id AND n.code = c.code AND n.feed_id = c.feed AND n.cause = c.cause
 ORDER BY counted.count DESC, last.id DESC;

-- name: set_note(account_id, code, feed_id, cause, note, who)!
INSERT INTO dead_letter_notes (account_id, code, feed_id, cause, note, who)
VALUES (:account_id, :code, coalesce(:feed_id::bigint, 0), :cause, :note, :who)
ON CONFLICT (account_id, code, feed_id, cause)
DO UPDATE SET note = excluded.note, who = excluded.who, updated_at = clock_timestamp();

-- name: drop_note(account_id, code, feed_id, cause)!
DELETE FROM dead_letter_notes
 WHERE account_id = :account_id AND code = :code AND feed_id = coalesce(:feed_id::bigint, 0) AND cause = :cause;
