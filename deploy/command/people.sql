-- People who may sign in to the dashboard, as the command line keeps them, and links that sign in once.

-- name: person_create(account_id, name, role, password_hash)$
INSERT INTO people (account_id, name, role, password_hash)
VALUES (:account_id, :name, :role, :password_hash)
RETURNING id;

-- name: person_list(account_id)
-- All of an account, or of every account when null.
SELECT id, account_id, name, role, created_at, signed_in_at, disabled_at
FROM people WHERE account_id = coalesce(:account_id, account_id) ORDER BY account_id, id;

-- name: person_update(id, role, password_hash, enabled)^
-- What is null stays. Disabling ends the person's sessions: they ask for it at each request.
UPDATE people SET
    role = coalesce(:role, role),
    password_hash = coalesce(:password_hash, password_hash),
    disabled_at = CASE WHEN :enabled::boolean THEN NULL WHEN NOT :enabled::boolean THEN coalesce(disabled_at, now()) ELSE disabled_at END
WHERE id = :id
RETURNING name, role, disabled_at;
