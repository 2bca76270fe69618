"""POSTs that are sent again with the same Idempotency-Key."""

import asyncio

import pytest

from tests.cases import in_one_test
from tests.integration.api.road import until

PROVIDERS = "/api/dropship-providers.json"
KEY = {"headers": {"Idempotency-Key": "monday-1"}}


async def test_a_post_that_is_sent_again_is_done_once_and_answered_the_same(api):
    first = await api.call("POST", PROVIDERS, json={"name": "Acme"}, **KEY)
    again = await api.call("POST", PROVIDERS, json={"name": "Acme"}, **KEY)

    assert (201, 201) == (first.status, again.status)
    assert await first.text() == await again.text()
    assert (None, "true") == tuple(answer.headers.get("Idempotent-Replayed") for answer in (first, again))
    assert first.headers["ETag"] == again.headers["ETag"]
    assert 1 == len(await api.ok("GET", PROVIDERS))
    # Another account's key is another key.
    assert 201 == (await api.call("POST", PROVIDERS, api.other_token, json={"name": "Acme"}, **KEY)).status
    assert 1 == len(await api.ok("GET", PROVIDERS, token=api.other_token))


@in_one_test("path, body", [(PROVIDERS, {"name": "Other"}), ("/api/variants.json", {"sku": "1"})])
async def test_the_same_key_with_another_request_is_refused_and_nothing_is_done(api, path, body):
    await api.ok("POST", PROVIDERS, {"name": "Acme"}, **KEY)

    problem = await api.problem(422, "POST", path, json=body, **KEY)

    assert "api.idempotency_key.reused" == problem["title"]
    assert (1, []) == (len(await api.ok("GET", PROVIDERS)), await api.ok("GET", "/api/variants.json"))


async def test_what_was_refused_may_be_sent_again(api):
    await api.problem(422, "POST", PROVIDERS, json={"name": ""}, **KEY)

    assert 201 == (await api.call("POST", PROVIDERS, json={"name": "Acme"}, **KEY)).status


async def test_a_new_token_is_given_again_and_stored_by_nobody(api):
    first = await api.ok("POST", "/api/tokens.json", {"name": "shop"}, **KEY)
    again = await api.ok("POST", "/api/tokens.json", {"name": "shop"}, **KEY)
    kept = api.execute("SELECT convert_from(answer, 'UTF8') FROM idempotency_keys")

    assert first == again
    assert first["token"] not in kept


async def test_of_many_at_once_one_does_the_work(api):
    answers = await asyncio.gather(*(api.call("POST", PROVIDERS, json={"name": "Acme"}, **KEY) for _ in range(12)))

    assert {201} <= {answer.status for answer in answers} <= {201, 409}
    assert 1 == len(await api.ok("GET", PROVIDERS))


@pytest.mark.usefixtures("worker")
async def test_goods_and_what_follows_from_them_take_the_road_once(api):
    feed = await api.new_feed()
    body = {"inventoryFeedId": feed["id"], "externalId": "1234", "vendorSku": "1234"}

    made, again = [await api.ok("POST", "/api/inventory-feed-variants.json", body, **KEY) for _ in range(2)]
    variant, same = [
        await api.ok("POST", "/api/variants.json", {"sku": "1234"}, headers={"Idempotency-Key": "v"}) for _ in range(2)
    ]

    assert (made, variant) == (again, same)
    path = f"/api/inventory-feed-variants/{made['id']}.json"
    await until(lambda: api.ok("GET", path), lambda row: row["variantId"] is not None)


async def test_old_answers_are_forgotten(api):
    await api.ok("POST", PROVIDERS, {"name": "Acme"}, **KEY)
    api.execute("UPDATE idempotency_keys SET created_at = now() - interval '26 hours'")

    second = await api.call("POST", PROVIDERS, json={"name": "Other"}, headers={"Idempotency-Key": "b"})
    third = await api.call("POST", PROVIDERS, json={"name": "Third"}, **KEY)

    assert (201, 201) == (second.status, third.status)
    assert 2 == api.execute("SELECT count(*) FROM idempotency_keys")
