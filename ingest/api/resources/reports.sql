-- A feed's day: totals by the minute, reasons out of its newest receipts and runs. Each reads a bounded number of rows.

-- name: totals(account_id, id, begins_at, ends_at)^
-- Along the key: a day has 1,500 minutes at most.
SELECT coalesce(sum(created), 0)::bigint AS created, coalesce(sum(updated), 0)::bigint AS updated,
       coalesce(sum(unchanged), 0)::bigint AS unchanged, coalesce(sum(superseded), 0)::bigint AS superseded,
       coalesce(sum(deferred), 0)::bigint AS deferred, coalesce(sum(rejected), 0)::bigint AS rejected,
       coalesce(sum(dead), 0)::bigint AS dead, max(lag_ms) AS greatest_lag_ms, count(*) AS minutes
FROM feed_minutes
WHERE account_id = :account_id AND feed_id = :id AND minute >= :begins_at AND minute < :ends_at;

-- name: reasons(account_id, id, begins_at, ends_at, most, shown)
-- Of the newest receipts of the day. What a receipt does not name was simply applied. A refused value may hold U+0000,
-- which JSON can say and jsonb cannot hold.
WITH looked AS MATERIALIZED (
    SELECT batch_id, received_at, items, counts ?| ARRAY['rejected', 'deferred', 'dead'] AS telling
    FROM receipts
    WHERE account_id = :account_id AND feed_id = :id AND received_at >= :begins_at AND received_at < :ends_at
    ORDER BY received_at DESC LIMIT :most
), told AS (
    SELECT item ->> 'outcome' AS outcome, coalesce(item ->> 'code', item ->> 'outcome') AS code, item ->> 'field' AS field,
           count(*) AS items, (array_agg(batch_id ORDER BY received_at DESC))[1] AS batch_id,
           (array_agg(item ->> 'externalId' ORDER BY received_at DESC))[1] AS external_id,
           (array_agg(item ->> 'message' ORDER BY received_at DESC))[1] AS message
    FROM looked, jsonb_array_elements(
        regexp_replace(convert_from(items, 'UTF8'), '(?<!\\)((?:\\\\)*)\\u0000', '\1\\ufffd', 'g')::jsonb) item
    WHERE telling AND item ->> 'outcome' IN ('rejected', 'deferred', 'dead')
    GROUP BY 1, 2, 3
    ORDER BY items DESC, code, field LIMIT :shown
)
SELECT (SELECT count(*) FROM looked) AS looked_at, told.*
FROM (SELECT 1) one LEFT JOIN told ON true
ORDER BY told.items DESC, told.code, told.field;

-- name: runs(account_id, id, begins_at, ends_at, most)^
-- What the day's newest runs read and refused. A refused row of a file is no item, so no outcome counts it.
SELECT count(*) AS runs, coalesce(sum(rows_read), 0)::bigint AS rows_read,
       coalesce(sum(rows_rejected), 0)::bigint AS rows_rejected
FROM (SELECT rows_read, rows_rejected, ended_at FROM runs
      WHERE account_id = :account_id AND feed_id = :id ORDER BY id DESC LIMIT :most) r
WHERE ended_at >= :begins_at AND ended_at < :ends_at;

-- name: row_reasons(account_id, id, begins_at, ends_at, most, shown)
-- Of the rejects that are kept of the day's newest runs.
SELECT r.code, r.field, count(*) AS rows, max(r.run_id) AS run_id, min(r.external_id) AS external_id,
       min(r.message) AS message
FROM (SELECT id, ended_at FROM runs
      WHERE account_id = :account_id AND feed_id = :id ORDER BY id DESC LIMIT :most) run
JOIN run_rejects r ON r.run_id = run.id
WHERE run.ended_at >= :begins_at AND run.ended_at < :ends_at
GROUP BY r.code, r.field
ORDER BY rows DESC, r.code, r.field LIMIT :shown;

-- name: zone(account_id)$
SELECT time_zone FROM accounts WHERE id = :account_id;
