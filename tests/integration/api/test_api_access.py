"""Who may do what: operators, suspended accounts, bound and expiring tokens, vendors with their feed's hash."""

from datetime import UTC, datetime, timedelta

import asyncpg
import orjson
import pytest

from ingest.api.routes import OPERATIONS
from schemas.batches import new_batch_id
from workers.duties.upkeep import purge_deleted_accounts, purge_deleted_feeds

ACCOUNT = "/api/account.json"
NOW = datetime.now(UTC)


def receipt(api, feed, settings):
    """Store a receipt with a reject; returns its batch id."""
    batch_id = new_batch_id(feed["id"], int(NOW.timestamp() * 1000), settings.key)
    api.execute(
        "INSERT INTO receipts (account_id, batch_id, received_at, feed_id, source, applied_at, counts, items) "
        "VALUES (%s, %s, %s, %s, 'webhook', now(), '{\"rejected\": 1}', %s)",
        api.account_id,
        batch_id,
        NOW,
        feed["id"],
        orjson.dumps([{"index": 0, "externalId": "a", "outcome": "rejected", "code": "type"}]),
    )
    return str(batch_id)


async def test_an_account_cannot_raise_its_own_limit_and_an_operator_can(api):
    stored = await api.ok("GET", ACCOUNT)
    for name, value in (("dailySkuLimit", 10), ("plan", "gold"), ("requestsPerSecond", 5)):
        problem = await api.problem(403, "PUT", ACCOUNT, json={"name": "other", name: value})
        assert ("api.account.update.operator", [name]) == (problem["title"], list(problem["details"]))
    assert stored == await api.ok("GET", ACCOUNT)

    echoed = await api.ok("PUT", ACCOUNT, {**stored, "name": "renamed"})
    raised = await api.ok("PUT", ACCOUNT, {"dailySkuLimit": 10, "plan": "gold"}, token=api.operator_token)

    assert ("renamed", None) == (echoed["name"], echoed["dailySkuLimit"])
    assert (10, "gold") == (raised["dailySkuLimit"], raised["plan"])


async def test_nobody_makes_or_revokes_a_token_above_their_own_scope(api):
    problem = await api.problem(422, "POST", "/api/tokens.json", json={"name": "x", "scope": "operator"})
    operators = api.execute("SELECT max(id) FROM api_tokens WHERE scope = 'operator'")

    assert ["scope"] == list(problem["details"])
    await api.problem(404, "DELETE", f"/api/tokens/{operators}.json")
    assert 200 == (await api.call("GET", "/api/accounts.json", api.operator_token)).status


async def test_an_operator_makes_limits_suspends_and_deletes_an_account(api):
    operator = {"token": api.operator_token}
    made = await api.ok("POST", "/api/accounts.json", {"name": "Shop", "dailySkuLimit": 5}, **operator)
    path = f"/api/accounts/{made['id']}"
    token = (await api.ok("POST", f"{path}/tokens.json", {"name": "first", "scope": "admin"}, **operator))["token"]
    listed = await api.ok("GET", "/api/accounts.json?name=sho", **operator)
    limited = await api.ok("PUT", f"{path}.json", {"dailySkuLimit": 7}, **operator)

    assert [made["id"]] == [account["id"] for account in listed]
    assert (7, "Shop") == (limited["dailySkuLimit"], limited["name"])

    feed = await api.ok("POST", "/api/dropship-providers.json", {"name": "Acme"}, token=token)
    suspended = await api.ok("POST", f"{path}/suspend.json", {"reason": "unpaid"}, **operator)
    refused = await api.problem(403, "POST", "/api/dropship-providers.json", json={"name": "b"}, token=token)
    assert ("unpaid", "api.account.suspended") == (suspended["suspendedReason"], refused["title"])
    assert feed["id"] == (await api.ok("GET", "/api/dropship-providers.json", token=token))[0]["id"]
    await api.ok("POST", f"{path}/resume.json", **operator)
    await api.ok("POST", "/api/dropship-providers.json", {"name": "b"}, token=token)

    await api.ok("DELETE", f"{path}.json", **operator)
    await api.problem(401, "GET", ACCOUNT, token=token)
    await api.problem(404, "GET", f"{path}.json", **operator)
    await api.problem(409, "DELETE", f"/api/accounts/{api.account_id}.json", **operator)


async def test_a_deleted_account_is_removed_with_all_that_it_had(api):
    account = api.other_account_id
    body = {"name": "Stock", "resourceType": "webhook"}
    provider = await api.ok("POST", "/api/dropship-providers.json", {"name": "a"}, token=api.other_token)
    await api.ok(
        "POST", "/api/inventory-feeds.json", {**body, "dropshipProviderId": provider["id"]}, token=api.other_token
    )
    await api.ok("POST", "/api/variants.json", {"sku": "1"}, token=api.other_token)

    api.execute("INSERT INTO usage_samples (account_id, sampled_at, day, used) VALUES (%s, now(), now(), 1)", account)

    await api.ok("DELETE", f"/api/accounts/{account}.json", token=api.operator_token)
    connection = await asyncpg.connect(api.database)
    await purge_deleted_accounts(connection)
    kept = api.execute("SELECT count(*) FROM accounts WHERE id = %s", account)  # until its feeds are gone
    await purge_deleted_feeds(connection)
    await purge_deleted_accounts(connection)
    await connection.close()

    left = [
        api.execute(f"SELECT count(*) FROM {table} WHERE {column} = %s", account)
        for table, column in (
            ("accounts", "id"),
            ("inventory_feeds", "account_id"),
            ("variants", "account_id"),
            ("dropship_providers", "account_id"),
            ("api_tokens", "account_id"),
            ("usage_samples", "account_id"),
            ("outbox", "account_id"),
        )
    ]
    assert (1, [0] * 7) == (kept, left)


async def test_a_sandbox_is_an_account_of_its_own_and_goes_with_the_account(api):
    mine = await api.new_feed()
    found = await api.ok("POST", "/api/sandbox.json")
    again = await api.ok("POST", "/api/sandbox.json")
    token = {"token": found["token"]}

    same = ("accountId", "inventoryFeedId", "hash")
    assert [found[name] for name in same] == [again[name] for name in same]
    assert found["accountId"] not in (api.account_id, api.other_account_id)
    assert [found["inventoryFeedId"]] == [
        one["id"] for one in await api.ok("GET", "/api/inventory-feeds.json", **token)
    ]
    assert [mine["id"]] == [one["id"] for one in await api.ok("GET", "/api/inventory-feeds.json")]
    own = await api.ok("POST", "/api/sandbox.json", **token)  # of a sandbox: itself
    assert found["accountId"] == own["accountId"]
    other = await api.ok("POST", "/api/sandbox.json", token=api.other_token)
    assert found["accountId"] != other["accountId"]
    await api.problem(403, "PUT", ACCOUNT, json={"dailySkuLimit": 9}, **token)
    problem = await api.problem(409, "POST", "/api/sandbox/parse-webhooks.json", json=[{"externalId": "1"}])
    assert "api.sandbox.post.no_edge" == problem["title"]  # nobody has set EDGE_URL here

    await api.ok("DELETE", f"/api/accounts/{api.other_account_id}.json", token=api.operator_token)
    await api.problem(401, "GET", ACCOUNT, token=other["token"])
    gone = "SELECT a.deleted_at IS NOT NULL AND f.deleted_at IS NOT NULL FROM accounts a JOIN inventory_feeds f"
    assert api.execute(f"{gone} ON f.account_id = a.id WHERE a.id = %s", other["accountId"])


async def test_a_token_expires(api):
    soon = (NOW + timedelta(days=1)).isoformat()
    made = await api.ok("POST", "/api/tokens.json", {"name": "x", "expiresAt": soon})
    past = {"name": "x", "expiresAt": "2020-01-01T00:00:00Z"}
    assert ["expiresAt"] == list((await api.problem(422, "POST", "/api/tokens.json", json=past))["details"])
    api.execute("UPDATE api_tokens SET expires_at = now() WHERE id = %s", made["id"])

    await api.problem(401, "GET", ACCOUNT, token=made["token"])


@pytest.mark.parametrize("bound_to", ["inventoryFeedId", "dropshipProviderId"])
async def test_a_bound_token_knows_its_feeds_alone(api, settings, bound_to):
    own, other = await api.new_feed(), await api.new_feed()
    value = own["id"] if bound_to == "inventoryFeedId" else own["dropshipProviderId"]
    made = await api.ok("POST", "/api/tokens.json", {"name": "v", "scope": "write", bound_to: value})
    token = {"token": made["token"]}
    rows = {}
    for feed in (own, other):
        rows[feed["id"]] = api.execute(
            "INSERT INTO feed_variants (account_id, feed_id, external_id, item_hash, details_hash, created_at,"
            " updated_at) VALUES (%s, %s, 'a', 0, 0, now(), now()) RETURNING id",
            api.account_id,
            feed["id"],
        )
    mine, theirs = receipt(api, own, settings), receipt(api, other, settings)

    assert [own["id"]] == [feed["id"] for feed in await api.ok("GET", "/api/inventory-feeds.json", **token)]
    listed = await api.ok("GET", "/api/inventory-feed-variants.json", **token)
    assert [own["id"]] == [row["inventoryFeedId"] for row in listed]
    assert [mine] == [one["batchId"] for one in await api.ok("GET", "/api/batches.json", **token)]
    other_id, sent = other["id"], {"json": {"externalId": "1"}}
    for method, path, options in (
        ("GET", f"/api/inventory-feeds/{other_id}.json", {}),
        ("PUT", f"/api/inventory-feeds/{other_id}/parse-webhook.json", sent),
        ("GET", f"/api/inventory-feed-variants/{rows[other_id]}.json", {}),
        ("DELETE", f"/api/inventory-feed-variants/{rows[other_id]}.json", {}),
        ("GET", f"/api/batches/{theirs}.json", {}),
    ):
        await api.problem(404, method, path, **options, **token)
    body = {"json": {"inventoryFeedId": other_id, "externalId": "b"}}
    await api.problem(422, "POST", "/api/inventory-feed-variants.json", **body, **token)
    refused = await api.problem(403, "GET", "/api/dropship-providers.json", **token)
    assert "api.authorization.bound" == refused["title"]


async def test_no_token_is_bound_to_what_the_account_does_not_have_nor_to_its_administration(api):
    feed = await api.new_feed()
    for body in (
        {"inventoryFeedId": feed["id"] + 1},
        {"dropshipProviderId": feed["dropshipProviderId"] + 1},
        {"inventoryFeedId": feed["id"], "dropshipProviderId": feed["dropshipProviderId"]},
        {"inventoryFeedId": feed["id"], "scope": "admin"},
    ):
        await api.problem(422, "POST", "/api/tokens.json", json={"name": "x", **body})


async def test_with_its_hash_a_vendor_reads_its_receipts_rejects_and_usage_and_nothing_else(api, settings):
    own, other = await api.new_feed(), await api.new_feed()
    mine, theirs = receipt(api, own, settings), receipt(api, other, settings)
    vendor = {"token": None, "headers": {"jetti-webhook-hash": own["hash"]}}

    assert [mine] == [one["batchId"] for one in await api.ok("GET", "/api/batches.json", **vendor)]
    assert "done" == (await api.ok("GET", f"/api/batches/{mine}.json", **vendor))["status"]
    assert ["a"] == [one["externalId"] for one in await api.ok("GET", f"/api/batches/{mine}/rejects.json", **vendor)]
    assert 200 == (await api.call("GET", f"/api/batches/{mine}/rejects.csv", **vendor)).status
    assert 0 == (await api.ok("GET", "/api/usage.json", **vendor))["used"]
    await api.problem(404, "GET", f"/api/batches/{theirs}.json", **vendor)
    reads = {one.name for one in OPERATIONS if one.vendor}
    assert {"batches.list", "batches.get", "batches.rejects", "batches.rejects_csv", "usage.get"} == reads
    for path in ("/api/inventory-feeds.json", ACCOUNT, f"/api/inventory-feeds/{own['id']}.json"):
        await api.problem(401, "GET", path, **vendor)
    wrong = {"token": None, "headers": {"jetti-webhook-hash": "wrong"}}
    await api.problem(401, "GET", "/api/batches.json", **wrong)
