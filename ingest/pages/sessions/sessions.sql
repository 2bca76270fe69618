-- Sessions of the dashboard, people, and links that sign in once.

-- name: session_of(digest, idle_s, longest_s)^
-- Whose session a cookie is. It ends with its token and its person; a role that was changed counts at once.
SELECT s.id, s.account_id, coalesce(p.role, s.role) AS role, s.who, s.token_id, s.person_id, s.sets_password,
       s.created_at, s.seen_at,
       a.name AS account_name, a.time_zone, a.suspended_at IS NOT NULL AS suspended
FROM sessions s
JOIN accounts a ON a.id = s.account_id AND a.deleted_at IS NULL
LEFT JOIN api_tokens t ON t.id = s.token_id
LEFT JOIN people p ON p.id = s.person_id
WHERE s.digest = :digest AND s.ended_at IS NULL
  AND t.revoked_at IS NULL AND coalesce(t.expires_at, 'infinity') > now() AND p.disabled_at IS NULL
  AND s.seen_at > now() - make_interval(secs => :idle_s)
  AND s.created_at > now() - make_interval(secs => :longest_s);

-- name: seen(id)!
-- Noted once a minute, so that a busy page does not write a row a request.
UPDATE sessions SET seen_at = now() WHERE id = :id AND seen_at < now() - interval '1 minute';

-- name: begin(digest, account_id, role, who, token_id, person_id, sets_password, address, agent)$
INSERT INTO sessions (digest, account_id, role, who, token_id, person_id, sets_password, address, agent)
VALUES (:digest, :account_id, :role, :who, :token_id, :person_id, :sets_password, :address, :agent)
RETURNING id;

-- name: finish(account_id, id)$
-- Ending twice keeps the first time.
UPDATE sessions SET ended_at = coalesce(ended_at, now()) WHERE account_id = :account_id AND id = :id RETURNING id;

-- name: prune(longest_s)!
-- Sessions and links that can never be used again.
WITH links AS (DELETE FROM login_links WHERE expires_at < now())
DELETE FROM sessions WHERE created_at < now() - make_interval(secs => :longest_s);


-- name: link_create(digest, account_id, role, seconds)!
INSERT INTO login_links (digest, account_id, role, expires_at)
VALUES (:digest, :account_id, :role, now() + make_interval(secs => :seconds));

-- name: link_use(digest)^
-- Once: the row is gone for whoever comes second. A link of a person lets in that person.
WITH used AS (
    DELETE FROM login_links WHERE digest = :digest AND expires_at > now() RETURNING account_id, role, person_id
)
SELECT u.account_id, coalesce(p.role, u.role) AS role, u.person_id, p.name
FROM used u LEFT JOIN people p ON p.id = u.person_id
WHERE u.person_id IS NULL OR p.disabled_at IS NULL;

-- name: person_named(name)^
SELECT id, account_id, name, role, password_hash FROM people WHERE lower(name) = lower(:name) AND disabled_at IS NULL;

-- name: person_hash(id)$
SELECT password_hash FROM people WHERE id = :id AND disabled_at IS NULL;

-- name: password_set(id, password_hash, session_id)!
-- The person's other sessions end, and their links are void: whoever knew the password before is out.
WITH ended AS (UPDATE sessions SET ended_at = now() WHERE person_id = :id AND id <> :session_id AND ended_at IS NULL),
     kept AS (UPDATE sessions SET sets_password = false WHERE id = :session_id),
     void AS (DELETE FROM login_links WHERE person_id = :id)
UPDATE people SET password_hash = :password_hash, signed_in_at = now() WHERE id = :id;

-- name: person_signed_in(id, password_hash)!
-- The hash is written anew when the cost of hashing was raised since.
UPDATE people SET signed_in_at = now(), password_hash = :password_hash WHERE id = :id;
