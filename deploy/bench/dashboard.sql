-- What the pages of the dashboard look at: half of the feeds are pulled, with their runs; each has receipts and two hours of
-- minutes; every tenth feed variant is connected to one of the account's own variants. `:rows`, `:feeds`, `:'batch'` are filled
-- in by deploy/bench/seed.py.

INSERT INTO accounts (id, name, daily_sku_limit) VALUES (1, 'bench', 2000000);
INSERT INTO dropship_providers (id, account_id, name) SELECT n, 1, 'vendor ' || n FROM generate_series(1, 100) AS n;
INSERT INTO inventory_feeds (id, account_id, dropship_provider_id, name, resource_type, hash, automatically_connect_by_barcode)
SELECT n, 1, n % 100 + 1, 'feed ' || n, CASE WHEN n % 2 = 0 THEN 'ftpCsv' ELSE 'webhook' END, 'hash ' || n, n % 3 = 0
FROM generate_series(1, :feeds) AS n;
INSERT INTO variants (account_id, id, sku, barcode, name)
SELECT 1, n, 'own-' || n, CASE WHEN n % 3 = 0 THEN 'b' || n / 2 END, 'Oak side table' FROM generate_series(0, :rows / 10) AS n;
INSERT INTO variants (account_id, id, sku) SELECT 1, 1000000000 + n, upper('vendor-' || n * 11) FROM generate_series(1, :rows / 100) AS n;
INSERT INTO feed_variants (account_id, feed_id, id, variant_id, item_hash, details_hash, created_at, updated_at,
                           inventory_updated_at, inventory_quantity, external_id, vendor_sku, barcode, cost_price)
SELECT 1, n % :feeds + 1, n, CASE WHEN n % 10 = 0 THEN n / 10 END, n, n, now(), now(), now(), n % 100, 'sku-' || n,
       CASE WHEN n % 7 > 0 THEN 'vendor-' || n END, CASE WHEN n % 5 = 0 THEN 'b' || n END, 1.25
FROM generate_series(0, :rows - 1) AS n;
INSERT INTO feed_variant_details (account_id, feed_variant_id, attributes)
SELECT 1, n, jsonb_build_object('name', 'Oak side table ' || n) FROM generate_series(0, :rows - 1) AS n;
INSERT INTO runs (account_id, feed_id, status, trigger, started_at, ended_at, rows_read, rows_mapped, rows_rejected, counts)
SELECT 1, f, CASE WHEN n % 9 = 0 THEN 'failed' WHEN n % 5 = 0 THEN 'partial' ELSE 'succeeded' END, 'schedule',
       now() - make_interval(hours => n), now() - make_interval(hours => n), 1000, 990, 10, '{"updated": 990}'
FROM generate_series(2, :feeds, 2) AS f CROSS JOIN generate_series(1, 60) AS n;
INSERT INTO pull_feeds (feed_id, account_id, planned_for, time_zone, last_run_id, last_run_status, last_success_at)
SELECT f.id, 1, now(), 'UTC', r.id, r.status, now() FROM inventory_feeds f
CROSS JOIN LATERAL (SELECT id, status FROM runs WHERE feed_id = f.id ORDER BY id DESC LIMIT 1) r
ON CONFLICT (feed_id) DO NOTHING;
INSERT INTO run_rejects (run_id, position, row_number, field, source, code, message, value)
SELECT (SELECT max(id) FROM runs WHERE feed_id = 2), n, n, 'inventoryQuantity', 'stock', 'type', 'expected a number', 'soon'
FROM generate_series(1, 1000) AS n;
INSERT INTO receipts (account_id, batch_id, received_at, feed_id, source, applied_at, counts, items)
SELECT 1, ('00000000-0000-0000-0000-' || lpad((f * 1000 + n)::text, 12, '0'))::uuid, now() - make_interval(mins => n), f,
       'webhook', now() - make_interval(mins => n), CASE WHEN n % 50 = 0 THEN '{"rejected": 1}' ELSE '{"updated": 50}' END::jsonb,
       '[]'
FROM generate_series(1, :feeds) AS f CROSS JOIN generate_series(1, 200) AS n;
UPDATE receipts SET batch_id = :'batch' WHERE batch_id = '00000000-0000-0000-0000-000000001001';
INSERT INTO feed_minutes (account_id, feed_id, minute, created, updated, unchanged, superseded, deferred, rejected, dead, lag_ms)
SELECT 1, f, date_trunc('minute', now()) - make_interval(mins => n), 1, 20, 400, 0, 0, 1, 0, 300 + n
FROM generate_series(1, :feeds) AS f CROSS JOIN generate_series(0, 119) AS n;
INSERT INTO usage (account_id, day, used) SELECT 1, current_date - n, 10000 + n FROM generate_series(0, 40) AS n;
INSERT INTO usage_samples (account_id, sampled_at, day, used)
SELECT 1, at, at::date, extract(epoch FROM at - date_trunc('day', at)) / 8
FROM generate_series(now() - interval '40 days', now(), interval '5 minutes') AS at;
INSERT INTO deferred_items (account_id, feed_id, external_id, item, batch_id, deferred_at)
SELECT 1, n % :feeds + 1, 'late-' || n, '{}', :'batch', now() FROM generate_series(1, 20000) AS n;
INSERT INTO dead_letters (account_id, feed_id, external_id, code, reason, payload, received_at)
SELECT 1, n % 20 + 1, 'sku-' || n, 'permanent', 'numeric field overflow', '{}', now() FROM generate_series(1, :rows * 3 / 10) AS n;
INSERT INTO audit_log (account_id, who, address, operation, subject, before, after)
SELECT 1, 'ada', '127.0.0.1', CASE WHEN n % 100 = 0 THEN 'inventory_feeds.update' ELSE 'runs.fetch' END, '/api/x', '{"a": 1}', '{"a": 2}'
FROM generate_series(1, 50000) AS n;
INSERT INTO people (account_id, name, role, password_hash) SELECT 1, 'person ' || n, 'viewer', '' FROM generate_series(1, 200) AS n;
INSERT INTO api_tokens (account_id, name, scope, token_hash)
SELECT 1, 'token ' || n, 'read', decode(lpad(n::text, 8, '0'), 'hex') FROM generate_series(1, 200) AS n;
