"""Random histories of an account: whatever moves, an answer's ETag changes exactly when the answer does."""

import random

STEPS = 40
HISTORY = [
    "UPDATE feed_variants SET inventory_quantity = {number}",  # updated_at stays: only what is computed of it moves
    "UPDATE feed_variants SET inventory_quantity = {number}, updated_at = now()",
    "UPDATE inventory_feeds SET allocation_buffer = {number} WHERE id = {feed}",
    "UPDATE pull_feeds SET last_run_status = 'failed', failing_since = now() WHERE feed_id = {feed}",
    "UPDATE pull_feeds SET last_run_status = 'succeeded', failing_since = NULL WHERE feed_id = {feed}",
    "UPDATE inventory_feeds SET enabled = NOT enabled WHERE id = {feed}",
    "UPDATE feed_variants SET variant_id = CASE WHEN variant_id IS NULL THEN {variant} END",
    "UPDATE accounts SET daily_sku_limit = {number} WHERE id = {account}",
    "INSERT INTO dropship_providers (account_id, name) VALUES ({account}, 'another')",
    "SELECT 1",
]


async def test_over_any_history_an_etag_is_new_exactly_when_the_answer_is(api):
    feed = await api.new_feed()
    variant = await api.ok("POST", "/api/variants.json", {"sku": "1"})
    api.execute(
        "INSERT INTO feed_variants (account_id, feed_id, external_id, item_hash, details_hash, created_at, updated_at) "
        "VALUES (%s, %s, 'a', 0, 0, now(), now())",
        api.account_id,
        feed["id"],
    )
    api.execute(
        "INSERT INTO pull_feeds (feed_id, account_id, planned_for, time_zone) VALUES (%s, %s, now(), 'UTC') "
        "ON CONFLICT DO NOTHING",
        feed["id"],
        api.account_id,
    )
    (row,) = await api.ok("GET", "/api/inventory-feed-variants.json")
    paths = [
        f"/api/variants/{variant['id']}.json",
        f"/api/inventory-feeds/{feed['id']}.json",
        f"/api/inventory-feed-variants/{row['id']}.json",
        "/api/inventory-feed-variants.json",
        "/api/variants.json",
        "/api/dropship-providers.json?limit=1",
        "/api/account.json",
    ]
    chance = random.Random(9)
    known = {path: await seen(api, path) for path in paths}

    moved = 0
    for _ in range(STEPS):
        change = chance.choice(HISTORY)
        api.execute(
            change.format(number=chance.randrange(3), feed=feed["id"], variant=variant["id"], account=api.account_id)
        )
        for path in paths:
            etag, answer = known[path]
            status = (await api.call("GET", path, headers={"If-None-Match": etag})).status
            now = known[path] = await seen(api, path)
            assert (answer == now[1], 304 if answer == now[1] else 200) == (etag == now[0], status), change
            moved += etag != now[0]
    assert moved > STEPS / 2


async def seen(api, path):
    """Return the ETag and all that a reader can see: the body, and where the next page is."""
    response = await api.call("GET", path)
    return response.headers["ETag"], (await response.text(), response.headers.get("Link"))


async def test_stock_that_moves_does_not_refuse_an_editors_change(api):
    feed = await api.new_feed()
    path = f"/api/inventory-feeds/{feed['id']}.json"
    etag = (await api.call("GET", path)).headers["ETag"]
    api.execute(
        "INSERT INTO pull_feeds (feed_id, account_id, planned_for, time_zone, last_run_status) "
        "VALUES (%s, %s, now(), 'UTC', 'failed') ON CONFLICT (feed_id) DO UPDATE SET last_run_status = 'failed'",
        feed["id"],
        api.account_id,
    )
    assert etag != (await api.call("GET", path)).headers["ETag"]

    assert 200 == (await api.call("PUT", path, json={"name": "other"}, headers={"If-Match": etag})).status
    assert 412 == (await api.call("PUT", path, json={"name": "third"}, headers={"If-Match": etag})).status
