"""Providers, account and tokens over HTTP, against a real Postgres."""

import asyncio
import gzip

import asyncpg
from prometheus_client import generate_latest

from ingest.api.app import ready
from ingest.api.framework.call import SERVICES
from ingest.api.health import HEALTH
from tests.cases import in_one_test

PROVIDERS = "/api/dropship-providers.json"


async def test_a_provider_needs_only_a_name(api):
    provider = await api.ok("POST", PROVIDERS, {"name": "Acme"})

    assert "Acme" == provider["name"]
    assert provider == await api.ok("GET", f"/api/dropship-providers/{provider['id']}.json")
    assert [provider] == await api.ok("GET", PROVIDERS)


async def test_a_provider_is_renamed_and_deleted(api):
    provider = await api.ok("POST", PROVIDERS, {"name": "Acme"})
    path = f"/api/dropship-providers/{provider['id']}.json"

    renamed = await api.ok("PUT", path, {"name": "Acme Ltd"})
    await api.ok("DELETE", path)

    assert "Acme Ltd" == renamed["name"]
    assert renamed["updatedAt"] > provider["updatedAt"]
    assert "api.dropship_providers.get.not_found" == (await api.problem(404, "GET", path))["title"]


async def test_onports_attributes_of_a_provider_are_kept_and_given_back(api):
    sent = {"name": "Acme", "adminNotes": "n", "commissionRate": 12.5, "countries": ["DE"], "anyVendor": True}
    made = await api.ok("POST", PROVIDERS, sent)
    path = f"/api/dropship-providers/{made['id']}.json"

    changed = await api.ok("PUT", path, {"anyVendor": None, "city": "Ulm"})

    assert sent == {name: made[name] for name in sent}
    assert "warnings" not in made
    assert {**sent, "anyVendor": False, "city": "Ulm"} == {name: changed[name] for name in (*sent, "city")}
    assert "warnings" not in await api.ok(
        "PUT", path, {n: v for n, v in changed.items() if not n.endswith("At") and n != "id"}
    )
    problem = await api.problem(422, "PUT", path, json={"commissionRateType": "x", "authenticationToken": "s"})
    assert ["commissionRateType"] == list(problem["details"])


async def test_a_provider_with_feeds_is_not_deleted(api):
    feed = await api.new_feed()
    path = f"/api/dropship-providers/{feed['dropshipProviderId']}.json"

    assert "api.dropship_providers.delete.has_feeds" == (await api.problem(409, "DELETE", path))["title"]
    await api.ok("DELETE", f"/api/inventory-feeds/{feed['id']}.json")
    await api.ok("DELETE", path)


async def test_what_is_missing_is_named(api):
    problem = await api.problem(422, "POST", PROVIDERS, json={})

    assert "api.dropship_providers.create.missing" == problem["title"]
    assert {"name": {"code": "required", "message": "Field required"}} == problem["details"]


async def test_each_wrong_field_has_an_entry(api):
    problem = await api.problem(422, "PUT", "/api/account.json", json={"name": "", "timeZone": "Mars/Olympus"})

    assert {"name": "length", "timeZone": "value"} == {name: e["code"] for name, e in problem["details"].items()}


async def test_unknown_attributes_are_ignored_with_a_warning(api):
    response = await api.call("POST", PROVIDERS, json={"name": "Acme", "colour": "red", "id": 7})

    assert ['299 feedline "colour"', '299 feedline "id"'] == response.headers.getall("Warning")
    assert [("colour", "unknown"), ("id", "read_only")] == [
        (warning["field"], warning["code"]) for warning in (await response.json())["warnings"]
    ]


async def test_a_flood_of_unknown_attributes_or_errors_is_summed_up(api):
    flood = {f"attribute{number}": 1 for number in range(500)}
    feed = await api.new_feed(resourceType="xml", resourceLocation="https://example.com/a", itemPath="/a")

    provider = await api.ok("POST", PROVIDERS, {"name": "Acme", **flood})
    problem = await api.problem(422, "PUT", f"/api/inventory-feeds/{feed['id']}.json", json={"mapping": flood})

    assert (101, "400 more attributes are not known; ignored") == (
        len(provider["warnings"]),
        provider["warnings"][-1]["message"],
    )
    assert (101, "more") == (len(problem["details"]), problem["details"]["…"]["code"])


async def test_unknown_query_parameters_are_errors_to_who_prefers_that(api):
    strict = {"headers": {"Prefer": "handling=strict"}}
    problem = await api.problem(400, "GET", PROVIDERS + "?colour=red&limit=0", **strict)

    assert {"colour": "unknown", "limit": "range"} == {name: e["code"] for name, e in problem["details"].items()}


async def test_pages_link_to_the_next_one_until_the_last(api):
    made = [await api.ok("POST", PROVIDERS, {"name": f"vendor {number}"}) for number in range(5)]

    found, target, pages = [], PROVIDERS + "?limit=2", 0
    while target:
        response = await api.call("GET", target)
        found += await response.json()
        pages += 1
        target = response.links["next"]["url"].path_qs if "next" in response.links else None

    assert (made, 3) == (found, pages)


@in_one_test(
    "body, headers, status, reason",
    [
        (b"{", {"Content-Type": "application/json"}, 400, "malformed"),
        (b'{"name":' + b"[" * 40 + b"]" * 40 + b"}", {"Content-Type": "application/json"}, 400, "too_deep"),
        (b'{"name": "a", "name": "b"}', {"Content-Type": "application/json"}, 400, "repeated"),
        (b'{"name": "Acme"}', {"Content-Type": "text/plain"}, 415, "media_type"),
        (b'{"name": "' + b"x" * 2**20 + b'"}', {"Content-Type": "application/json"}, 413, "too_large"),
        (b"[]", {"Content-Type": "application/json"}, 422, "invalid"),
    ],
)
async def test_a_body_that_is_wrong_as_a_whole_is_refused(api, body, headers, status, reason):
    problem = await api.problem(status, "POST", PROVIDERS, data=body, headers=headers)

    assert f"api.dropship_providers.create.{reason}" == problem["title"]


async def test_two_editors_do_not_overwrite_each_other(api):
    provider = await api.ok("POST", PROVIDERS, {"name": "Acme"})
    path = f"/api/dropship-providers/{provider['id']}.json"
    etag = (await api.call("GET", path)).headers["ETag"]

    first = await api.call("PUT", path, json={"name": "one"}, headers={"If-Match": etag})
    second = await api.call("PUT", path, json={"name": "two"}, headers={"If-Match": etag})

    assert (200, 412) == (first.status, second.status)
    assert first.headers["ETag"] != etag
    assert 304 == (await api.call("GET", path, headers={"If-None-Match": first.headers["ETag"]})).status
    assert 412 == (await api.call("DELETE", path, headers={"If-Match": etag})).status
    assert 204 == (await api.call("DELETE", path, headers={"If-Match": first.headers["ETag"]})).status


@in_one_test(
    "header, code",
    [
        (None, "api.authorization.missing"),
        ("Basic abc", "api.authorization.missing"),
        ("Bearer ", "api.authorization.missing"),
        ("Bearer feedline_wrong", "api.authorization.invalid"),
    ],
)
async def test_without_a_valid_token_nothing_is_answered(api, header, code):
    headers = {"Authorization": header} if header else {}

    response = await api.call("GET", PROVIDERS, token=None, headers=headers)

    assert (401, code) == (response.status, (await response.json())["title"])
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


@in_one_test("scope, statuses", [("read", [200, 403, 403]), ("write", [200, 201, 403])])
async def test_a_token_can_do_what_its_scope_includes(api, scope, statuses):
    token = api.new_token(api.account_id, scope)

    answers = [
        await api.call("GET", PROVIDERS, token=token),
        await api.call("POST", PROVIDERS, token=token, json={"name": "Acme"}),
        await api.call("GET", "/api/tokens.json", token=token),
    ]

    assert statuses == [answer.status for answer in answers]


async def test_a_token_is_shown_once_and_works_until_revoked(api):
    made = await api.ok("POST", "/api/tokens.json", {"name": "shop", "scope": "write"})
    used = await api.call("GET", PROVIDERS, token=made["token"])
    listed = {token["id"]: token for token in await api.ok("GET", "/api/tokens.json")}
    revoked = await api.ok("DELETE", f"/api/tokens/{made['id']}.json")

    assert 200 == used.status
    assert "token" not in listed[made["id"]]
    assert listed[made["id"]]["lastUsedAt"] is not None
    assert revoked["revokedAt"] is not None
    assert 401 == (await api.call("GET", PROVIDERS, token=made["token"])).status


async def test_a_token_is_not_stored(api):
    made = await api.ok("POST", "/api/tokens.json", {"name": "shop"})

    row = api.execute("SELECT row_to_json(t)::text FROM api_tokens t WHERE id = %s", made["id"])

    assert made["token"] not in row


async def test_the_account_is_read_and_changed(api):
    before = await api.ok("GET", "/api/account.json")
    operator = {"token": api.operator_token}
    changed = await api.ok("PUT", "/api/account.json", {"dailySkuLimit": 10, "timeZone": "Europe/Berlin"}, **operator)
    unlimited = await api.ok("PUT", "/api/account.json", {"dailySkuLimit": None}, **operator)

    assert ("first", None, "UTC") == (before["name"], before["dailySkuLimit"], before["timeZone"])
    assert (10, "Europe/Berlin", "first") == (changed["dailySkuLimit"], changed["timeZone"], changed["name"])
    assert (None, "Europe/Berlin") == (unlimited["dailySkuLimit"], unlimited["timeZone"])


async def test_a_changed_limit_is_told_to_the_workers(api):
    told = asyncio.get_running_loop().create_future()
    connection = await asyncpg.connect(api.database)
    await connection.add_listener("accounts_changed", lambda *said: told.set_result(said[-1]))

    await api.ok("PUT", "/api/account.json", {"dailySkuLimit": 99}, token=api.operator_token)

    assert str(api.account_id) == await asyncio.wait_for(told, 60)
    await connection.close()


async def test_over_the_rate_limit_is_429_with_a_time_to_wait(api):
    api.execute("UPDATE accounts SET requests_per_second = 0.01 WHERE id = %s", api.account_id)

    answers = [await api.call("GET", PROVIDERS) for _ in range(3)]

    assert [200, 200, 429] == [answer.status for answer in answers]
    assert 0 < int(answers[2].headers["Retry-After"]) <= 50  # half a drop leaks out
    assert 200 == (await api.call("GET", PROVIDERS, token=api.other_token)).status


async def test_with_postgres_away_the_answer_is_503_and_then_right_again(api, postgres):
    assert 200 == (await api.call("GET", PROVIDERS)).status

    postgres.stop()
    try:
        away = await api.problem(503, "GET", PROVIDERS)
    finally:
        postgres.start()

    assert "api.unavailable" == away["title"]
    assert 200 == (await api.call("GET", PROVIDERS)).status


async def test_a_compressed_body_is_taken_within_the_same_limit(api):
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    small, bomb = gzip.compress(b'{"name": "Acme"}'), gzip.compress(b'{"name": "' + b" " * 2**24 + b'"}')

    taken = await api.call("POST", PROVIDERS, data=small, headers=headers)

    assert 201 == taken.status
    await api.problem(413, "POST", PROVIDERS, data=bomb, headers=headers)
    await api.problem(400, "POST", PROVIDERS, data=b"no gzip", headers=headers)


async def test_requests_are_counted_by_operation_and_status(api):
    await api.call("GET", PROVIDERS)
    await api.call("GET", PROVIDERS + "?limit=0")

    metrics = generate_latest().decode()

    assert 404 == (await api.call("GET", "/metrics")).status
    for status in (200, 400):
        line = f'feedline_api_requests_total{{operation="dropship_providers.list",status="{status}"}}'
        assert line in metrics


async def test_readiness_follows_postgres(api, postgres):
    app = api.client.app
    before = ready(app)

    await app[HEALTH].ask(app[SERVICES].pool)
    there = await api.call("GET", "/readyz")
    postgres.stop()
    try:
        await app[HEALTH].ask(app[SERVICES].pool)
        away = await api.call("GET", "/readyz")
        assert ready(app).startswith("postgres: ")
    finally:
        postgres.start()
    await app[HEALTH].ask(app[SERVICES].pool)

    assert "postgres: not asked yet" == before
    assert (200, 503) == (there.status, away.status)
    assert {"status": "unavailable"} == await away.json()
    assert None is ready(app)


async def test_nothing_at_a_path_and_a_wrong_method_are_problems(api):
    assert "api.not_found" == (await api.problem(404, "GET", "/api/nothing.json"))["title"]
    assert ["GET", "POST"] == [
        method
        for method in (await api.problem(405, "PATCH", PROVIDERS))["details"]["allowed"]
        if method in ("GET", "POST")
    ]
