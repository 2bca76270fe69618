-- name: version_list(account_id, feed_id, before, limit)
-- The last replaced first.
SELECT * FROM feed_versions
WHERE account_id = :account_id AND feed_id = :feed_id AND id < coalesce(:before::bigint, 9223372036854775807)
ORDER BY id DESC LIMIT :limit;
