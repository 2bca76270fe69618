-- name: agree(name, value)$
-- The first to come sets the value; everybody is told it.
WITH mine AS (
    INSERT INTO fleet_agreement (name, value) VALUES (:name, :value) ON CONFLICT DO NOTHING RETURNING value
)
SELECT value FROM mine UNION ALL SELECT value FROM fleet_agreement WHERE name = :name LIMIT 1;

-- name: live_workers()$
SELECT count(*) FROM workers;

-- name: change(name, value)!
INSERT INTO fleet_agreement (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value;
