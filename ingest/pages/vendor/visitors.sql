-- Vendors who look at their feed by a link.

-- name: enter(link_id, secret, digest, seconds)$
-- Swap a link's secret for a session, once a browser; what is over goes on the way.
WITH over AS (DELETE FROM vendor_sessions WHERE expires_at < now()),
opened AS (
    UPDATE vendor_links SET last_opened_at = now()
    WHERE id = :link_id AND digest = :secret AND revoked_at IS NULL AND expires_at > now()
    RETURNING id, expires_at
)
INSERT INTO vendor_sessions (digest, link_id, expires_at)
SELECT :digest, id, least(expires_at, now() + make_interval(secs => :seconds)) FROM opened
RETURNING link_id;

-- name: visitor(link_id, digest)^
-- Whose session a cookie is; it ends with its link, its feed and its account.
SELECT l.id, l.account_id, l.feed_id, l.expires_at, f.name AS feed_name, f.resource_type,
       coalesce(f.settings ->> 'badAttributes', 'skipAttribute') AS bad_attributes,
       a.name AS account_name, a.time_zone, d.name AS provider_name
FROM vendor_sessions s
JOIN vendor_links l ON l.id = s.link_id
JOIN inventory_feeds f ON f.id = l.feed_id AND f.account_id = l.account_id AND f.deleted_at IS NULL
JOIN accounts a ON a.id = l.account_id AND a.deleted_at IS NULL
LEFT JOIN dropship_providers d ON d.id = f.dropship_provider_id
WHERE s.digest = :digest AND l.id = :link_id AND s.expires_at > now() AND l.revoked_at IS NULL AND l.expires_at > now();

-- name: looked(link_id)!
-- Noted once a minute.
UPDATE vendor_links SET last_opened_at = now()
WHERE id = :link_id AND last_opened_at < now() - interval '1 minute';
