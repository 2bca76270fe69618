-- Endpoints: the webhooks of an account.

-- name: endpoint_list(account_id, after, limit)
SELECT * FROM endpoints
WHERE account_id = :account_id AND kind = 'webhook' AND id > coalesce(:after::bigint, 0)
ORDER BY id LIMIT :limit;

-- name: endpoint_get(account_id, id)^
SELECT * FROM endpoints WHERE account_id = :account_id AND id = :id AND kind = 'webhook';

-- name: endpoint_lock(account_id, id)^
SELECT * FROM endpoints WHERE account_id = :account_id AND id = :id AND kind = 'webhook' FOR UPDATE;

-- name: endpoint_create(account_id, name, url, events, enabled, secrets)^
-- Told from now on: what is committed later lies at the oldest transaction that runs, or above.
INSERT INTO endpoints (account_id, name, url, events, enabled, secrets, position)
VALUES (:account_id, :name, :url, :events, :enabled, :secrets,
        (pg_snapshot_xmin(pg_current_snapshot())::text::bigint << 12) - 1)
RETURNING *;

-- name: endpoint_update(account_id, id, name, url, events, enabled)^
-- A changed endpoint is tried at once; a message on its way keeps its content and its id only if the events stay.
UPDATE endpoints
SET name = :name, url = :url, events = :events, enabled = :enabled, disabled_reason = NULL, failures = 0,
    failing_since = NULL, next_attempt_at = now(), lease = NULL, leased_until = NULL, updated_at = clock_timestamp(),
    sending_to = CASE WHEN events = :events::text[] THEN sending_to END
WHERE account_id = :account_id AND id = :id
RETURNING *;

-- name: endpoint_rotate(account_id, id, secrets, previous_until)^
UPDATE endpoints
SET secrets = :secrets, previous_secret_until = :previous_until, updated_at = clock_timestamp()
WHERE account_id = :account_id AND id = :id
RETURNING *;

-- name: endpoint_replay(account_id, id, since)^
-- From the first event of that time on; whoever is sending loses the lease.
UPDATE endpoints
SET position = least(position, coalesce((SELECT min(e.position) - 1 FROM events e
                                         WHERE e.account_id = :account_id AND e.at >= :since::timestamptz), position)),
    read_at = least(read_at, :since::timestamptz), sending_to = NULL, failures = 0, failing_since = NULL,
    next_attempt_at = now(), lease = NULL, leased_until = NULL
WHERE account_id = :account_id AND id = :id AND kind = 'webhook'
RETURNING *;

-- name: endpoint_delete(account_id, id)$
DELETE FROM endpoints WHERE account_id = :account_id AND id = :id AND kind = 'webhook' RETURNING id;

-- name: endpoint_count(account_id)$
SELECT count(*) FROM endpoints WHERE account_id = :account_id;

-- name: events_wanted(account_id)!
-- What anybody waits for; windows and triggers write no other events.
INSERT INTO change_streams (account_id, events)
SELECT :account_id::bigint, coalesce(array_agg(DISTINCT w.name) FILTER (WHERE w.name <> 'inventory.changed'), '{}')
FROM endpoints e CROSS JOIN unnest(e.events) AS w (name)
WHERE e.account_id = :account_id
ON CONFLICT (account_id) DO UPDATE SET events = excluded.events, updated_at = clock_timestamp();

-- name: stream_enabled(account_id)$
SELECT coalesce((SELECT enabled FROM change_streams WHERE account_id = :account_id), false);

-- name: attempt_list(account_id, id)
-- Newest first; the deliverer keeps the last hundred.
SELECT message_id, attempted_at, status, error, changes, took_ms FROM endpoint_attempts
WHERE account_id = :account_id AND endpoint_id = :id
ORDER BY id DESC LIMIT 100;
