-- Forms that are sent twice (answers are kept beside those of the API's retried POSTs, framework/retries.sql).

-- name: lock_key(account_id, key)$
-- Who comes second waits for the first one's end, and then gets its answer.
SELECT pg_advisory_xact_lock(hashtextextended(:key, :account_id::bigint))::text;
