-- What feeds did lately.

-- name: last_runs(account_id, feed_ids, most)
-- The last runs of each of these feeds, the newest first.
SELECT r.id, r.feed_id, r.status, r.ended_at, r.rows_read, r.rows_mapped, r.rows_rejected
FROM unnest(:feed_ids::bigint[]) AS f (id)
CROSS JOIN LATERAL (
    SELECT * FROM runs
    WHERE runs.account_id = :account_id AND runs.feed_id = f.id
    ORDER BY runs.id DESC LIMIT :most
) r
ORDER BY r.feed_id, r.id DESC;
