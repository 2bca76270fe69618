-- People who may sign in to the dashboard, as their account's admins keep them.

-- name: person_list(account_id, after, limit)
SELECT *, password_hash = '' AS invited FROM people
WHERE account_id = :account_id AND id > coalesce(:after::bigint, 0) ORDER BY id LIMIT :limit;

-- name: person_get(account_id, id)^
SELECT *, password_hash = '' AS invited FROM people WHERE account_id = :account_id AND id = :id;

-- name: person_create(account_id, name, role)^
-- Without a password, which no text is: the link that is given out lets them set one. Null when the name is taken.
INSERT INTO people (account_id, name, role, password_hash) VALUES (:account_id, :name, :role, '')
ON CONFLICT (lower(name)) DO NOTHING
RETURNING *, true AS invited;

-- name: person_update(account_id, id, role, disabled)^
-- Disabling ends the person's sessions: they ask for it at each request.
UPDATE people SET role = :role, disabled_at = CASE WHEN :disabled THEN coalesce(disabled_at, now()) END
WHERE account_id = :account_id AND id = :id
RETURNING *, password_hash = '' AS invited;

-- name: person_link(account_id, id, digest, hours)$
-- A new link; those before it are void.
WITH before AS (DELETE FROM login_links WHERE person_id = :id AND account_id = :account_id)
INSERT INTO login_links (digest, account_id, role, person_id, expires_at)
SELECT :digest, account_id, role, id, now() + make_interval(hours => :hours)
FROM people WHERE account_id = :account_id AND id = :id AND disabled_at IS NULL
RETURNING expires_at;
