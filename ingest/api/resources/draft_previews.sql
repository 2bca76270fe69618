-- Drafts of feeds' settings, with the file that they are tried on.

-- name: preview_create(account_id, feed_id, draft, secrets, source, file, bytes, charset, content_encoding, content_hash)$
INSERT INTO previews (account_id, feed_id, draft, secrets, source, file, bytes, charset, content_encoding, content_hash)
VALUES (:account_id, :feed_id, :draft, :secrets, :source, :file, :bytes, :charset, :content_encoding, :content_hash)
RETURNING id;

-- name: preview_get(account_id, id)^
SELECT * FROM previews WHERE account_id = :account_id AND id = :id;

-- name: preview_update(account_id, id, draft)!
UPDATE previews SET draft = :draft, updated_at = now() WHERE account_id = :account_id AND id = :id;

-- name: preview_refetched(account_id, id, file, bytes, charset, content_encoding, content_hash)!
UPDATE previews
SET file = :file, bytes = :bytes, charset = :charset, content_encoding = :content_encoding,
    content_hash = :content_hash, fetched_at = now()
WHERE account_id = :account_id AND id = :id;

-- name: preview_delete(account_id, id)$
DELETE FROM previews WHERE account_id = :account_id AND id = :id RETURNING id;

-- name: prune(account_id)!
-- Drafts that nobody went on with for a week, and all but the account's last 50.
DELETE FROM previews
WHERE account_id = :account_id AND (
    updated_at < now() - interval '7 days'
    OR id < (SELECT id FROM previews WHERE account_id = :account_id ORDER BY id DESC OFFSET 49 LIMIT 1)
);
