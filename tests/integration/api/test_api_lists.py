"""Lists as code written for Onport asks for them; what is not known is a warning, or an error for those who want it."""

import pytest

from tests.midday import midday

PROVIDERS = "/api/dropship-providers.json"


@pytest.fixture
async def seven(api):
    """The API with seven providers."""
    api.ids = [(await api.ok("POST", PROVIDERS, {"name": str(number)}))["id"] for number in range(7)]
    return api


async def test_pages_and_offsets_are_counted_and_go_on_by_the_link(seven):
    async def ids(query):
        return [one["id"] for one in await seven.ok("GET", f"{PROVIDERS}?{query}")]

    assert seven.ids[2:4] == await ids("page=2&limit=2")
    assert seven.ids[5:] == await ids("offset=5")
    assert [] == await ids("page=9")
    response = await seven.call("GET", f"{PROVIDERS}?page=2&limit=2")
    following = response.links["next"]["url"]
    assert ("2", str(seven.ids[3])) == (following.query["limit"], following.query["after"])
    assert not {"page", "offset"} & set(following.query)
    assert seven.ids[4:6] == [one["id"] for one in await seven.ok("GET", str(following.relative()))]
    await seven.problem(400, "GET", f"{PROVIDERS}?page=0")
    await seven.problem(400, "GET", f"{PROVIDERS}?limit=501")
    assert seven.ids == await ids("limit=500")


async def test_where_filters_and_what_is_unknown_is_told_in_a_header(seven):
    await seven.ok("POST", "/api/variants.json", [{"sku": "a"}, {"sku": "b"}])

    response = await seven.call("GET", "/api/variants.json?where[sku]=b&colour=red")
    strict = {"headers": {"Prefer": "handling=strict"}}
    problem = await seven.problem(400, "GET", "/api/variants.json?where[sku]=b&colour=red", **strict)

    assert ["b"] == [one["sku"] for one in await response.json()]
    assert ['299 feedline "colour"'] == response.headers.getall("Warning")
    assert ["colour"] == list(problem["details"])
    assert 200 == (await seven.call("GET", "/api/variants.json?where[sku]=b", **strict)).status


async def test_every_write_tells_what_is_left_of_the_day(api):
    unlimited = await api.call("POST", PROVIDERS, json={"name": "a"})
    zone = midday()
    api.execute("UPDATE accounts SET daily_sku_limit = 100, time_zone = %s WHERE id = %s", zone, api.account_id)
    api.execute("INSERT INTO usage VALUES (%s, (now() AT TIME ZONE %s)::date, 30)", api.account_id, zone)

    limited = await api.call("POST", PROVIDERS, json={"name": "b"})

    assert "RateLimit" not in unlimited.headers
    assert '"daily-skus";q=100;w=86400' == limited.headers["RateLimit-Policy"]
    name, left, resets = limited.headers["RateLimit"].split(";")
    assert ('"daily-skus"', "r=70") == (name, left)
    assert 0 < int(resets.removeprefix("t=")) <= 86_400
    refused = await api.call("DELETE", "/api/dropship-providers/99999.json")
    assert (404, name, left) == (refused.status, *refused.headers["RateLimit"].split(";")[:2])
    malformed = await api.call("POST", PROVIDERS, data=b"{", headers={"Content-Type": "application/json"})
    assert (400, name, left) == (malformed.status, *malformed.headers["RateLimit"].split(";")[:2])


async def test_every_answer_has_a_request_id_and_a_sound_one_is_kept(api):
    made = [
        await api.call("GET", PROVIDERS),
        await api.call("GET", "/api/nothing.json"),
        await api.call("GET", "/healthz"),
        await api.call("GET", "/api/inventory-feed-variants.ndjson"),  # a stream
    ]
    kept = await api.call("GET", PROVIDERS, headers={"X-Request-Id": "trace-1.2:3"})
    unsound = await api.call("GET", PROVIDERS, headers={"X-Request-Id": "a b" * 99})

    ids = [answer.headers["X-Request-Id"] for answer in (*made, unsound)]
    assert [32] * 5 == [len(one) for one in ids]
    assert 5 == len(set(ids))
    assert "trace-1.2:3" == kept.headers["X-Request-Id"]


async def test_a_chunked_request_is_the_last_of_its_connection_because_its_trailers_could_join_the_next(api):
    async def chunks():
        yield b"{"

    headers = {"Content-Type": "application/json"}
    refused = await api.call("POST", PROVIDERS, data=chunks(), headers=headers)
    whole = await api.call("POST", PROVIDERS, data=b"{", headers=headers)

    assert [("close", 400), (None, 400)] == [(one.headers.get("Connection"), one.status) for one in (refused, whole)]
