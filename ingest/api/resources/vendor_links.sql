-- Links by which a vendor sees its own feed.

-- name: link_list(account_id, feed_id)
-- The newest first; there are few.
SELECT * FROM vendor_links WHERE account_id = :account_id AND feed_id = :feed_id ORDER BY id DESC LIMIT 100;

-- name: link_open(account_id, feed_id)$
-- How many of a feed's links can be used.
SELECT count(*) FROM vendor_links
WHERE account_id = :account_id AND feed_id = :feed_id AND revoked_at IS NULL AND expires_at > now();

-- name: link_create(account_id, feed_id, note, digest, days)^
INSERT INTO vendor_links (account_id, feed_id, note, digest, expires_at)
VALUES (:account_id, :feed_id, :note, :digest, now() + make_interval(days => :days))
RETURNING *;

-- name: link_revoke(account_id, feed_id, id)^
-- Revoking twice keeps the first time.
UPDATE vendor_links SET revoked_at = coalesce(revoked_at, now())
WHERE account_id = :account_id AND feed_id = :feed_id AND id = :id
RETURNING *;
