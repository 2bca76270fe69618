-- Endpoints: who is due, what was told, what is on its way.

-- name: claim(now, lease, lease_s, most)
-- Those with something to tell, or that have not looked for a minute: an endpoint that waits for what is rare then
-- never looks through more than a minute of what is frequent.
UPDATE endpoints u
SET lease = :lease, leased_until = :now::timestamptz + make_interval(secs => :lease_s)
WHERE u.id IN (
    SELECT e.id FROM endpoints e
    WHERE e.enabled AND e.next_attempt_at <= :now AND (e.leased_until IS NULL OR e.leased_until < :now)
      AND (e.sending_to IS NOT NULL OR e.read_at < :now::timestamptz - interval '1 minute' OR EXISTS (
          SELECT FROM events ev
          WHERE ev.account_id = e.account_id AND ev.position > e.position AND ev.event = ANY (e.events)
            AND ev.position < pg_snapshot_xmin(pg_current_snapshot())::text::bigint << 12
            AND ev.at >= e.read_at - interval '1 hour'))
    ORDER BY e.next_attempt_at
    LIMIT :most
    FOR UPDATE SKIP LOCKED)
RETURNING u.*;

-- name: sending(id, lease, ends)$
UPDATE endpoints SET sending_to = :ends WHERE id = :id AND lease = :lease RETURNING id;

-- name: told(id, lease, position, at)$
UPDATE endpoints
SET position = :position, read_at = :at, sending_to = NULL, failures = 0, failing_since = NULL, next_attempt_at = :at
WHERE id = :id AND lease = :lease
RETURNING id;

-- name: failed(id, lease, at, next_attempt_at, disabled_reason)^
UPDATE endpoints
SET failures = failures + 1, failing_since = coalesce(failing_since, :at), next_attempt_at = :next_attempt_at,
    enabled = :disabled_reason::text IS NULL, disabled_reason = :disabled_reason
WHERE id = :id AND lease = :lease
RETURNING failures;

-- name: release(id, lease)!
UPDATE endpoints SET lease = NULL, leased_until = NULL WHERE id = :id AND lease = :lease;

-- name: note_attempt(endpoint_id, account_id, message_id, at, status, error, changes, took_ms)!
INSERT INTO endpoint_attempts (endpoint_id, account_id, message_id, attempted_at, status, error, changes, took_ms)
VALUES (:endpoint_id, :account_id, :message_id, :at, :status, :error, :changes, :took_ms);

-- name: prune_attempts(endpoint_id, most)!
DELETE FROM endpoint_attempts
WHERE endpoint_id = :endpoint_id AND id <= (
    SELECT id FROM endpoint_attempts WHERE endpoint_id = :endpoint_id ORDER BY id DESC OFFSET :most LIMIT 1);
