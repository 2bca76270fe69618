-- Answers kept for retried POSTs.

-- name: try_key(account_id, key)$
-- One request a key at a time, until its transaction ends.
SELECT pg_try_advisory_xact_lock(hashtextextended(:key, :account_id::bigint));

-- name: known_answer(account_id, key)^
SELECT request, status, answer FROM idempotency_keys
WHERE account_id = :account_id AND key = :key AND created_at > now() - interval '24 hours';

-- name: keep_answer(account_id, key, request, status, answer)!
INSERT INTO idempotency_keys (account_id, key, request, status, answer)
VALUES (:account_id, :key, :request, :status, :answer)
ON CONFLICT (account_id, key) DO UPDATE SET
    request = excluded.request, status = excluded.status, answer = excluded.answer, created_at = now();

-- name: forget_answers(account_id)!
-- Each new answer clears away a few old ones, whoever's they are, so that they never pile up.
DELETE FROM idempotency_keys
WHERE :account_id::bigint IS NOT NULL AND (account_id, key) IN (
    SELECT account_id, key FROM idempotency_keys
    WHERE created_at < now() - interval '25 hours'
    ORDER BY created_at LIMIT 10 FOR UPDATE SKIP LOCKED);
