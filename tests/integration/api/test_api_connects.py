"""Feed variants connect to variants: by SKU, whichever comes first, by hand, and not any more."""

import asyncio

from tests.integration.api.road import EXAMPLE, parse_webhook, until


async def test_a_new_feed_variant_connects_to_the_variant_with_its_sku(goods):
    variant = await goods.ok("POST", "/api/variants.json", {"sku": "1234"})

    answer = await goods.ok("PUT", parse_webhook(goods.feed), EXAMPLE)

    assert variant["id"] == answer["variantId"]
    assert 10 == (await goods.ok("GET", f"/api/variants/{variant['id']}.json"))["availableQuantity"]


async def test_a_new_variant_connects_the_feed_variants_that_wait_for_it(goods):
    made = await goods.ok("PUT", parse_webhook(goods.feed), EXAMPLE)
    assert made["variantId"] is None

    variants = await goods.ok("POST", "/api/variants.json", [{"sku": "1234"}, {"sku": "other"}])

    path = f"/api/inventory-feed-variants/{made['id']}.json"
    row = await until(lambda: goods.ok("GET", path), lambda row: row["variantId"])
    assert variants[0]["id"] == row["variantId"]


async def test_variants_and_items_that_race_all_connect(goods):
    count = 20
    items = [{"externalId": str(n), "vendorSku": f"sku{n}"} for n in range(count)]

    await asyncio.gather(
        *(goods.ok("PUT", parse_webhook(goods.feed), item) for item in items),
        *(goods.ok("POST", "/api/variants.json", {"sku": f"sku{n}"}) for n in range(count)),
    )

    connected = "/api/inventory-feed-variants.json?connected=true"
    assert await until(lambda: goods.ok("GET", connected), lambda rows: len(rows) == count)


async def test_a_feed_variant_is_connected_and_disconnected_by_hand(goods):
    variant = await goods.ok("POST", "/api/variants.json", {"sku": "mine"})
    made = await goods.ok("PUT", parse_webhook(goods.feed), EXAMPLE)
    path = f"/api/inventory-feed-variants/{made['id']}.json"

    assert variant["id"] == (await goods.ok("PUT", path, {"variantId": variant["id"]}))["variantId"]
    assert (await goods.ok("PUT", path, {"variantId": None, "name": "Oak"}))["variantId"] is None
    problem = await goods.problem(422, "PUT", path, json={"variantId": variant["id"] + 1})
    assert ["variantId"] == list(problem["details"])


async def test_a_deleted_variant_leaves_its_feed_variants_disconnected(goods):
    variant = await goods.ok("POST", "/api/variants.json", {"sku": "1234"})
    made = await goods.ok("PUT", parse_webhook(goods.feed), EXAMPLE)
    assert made["variantId"] == variant["id"]

    await goods.ok("DELETE", f"/api/variants/{variant['id']}.json")

    path = f"/api/inventory-feed-variants/{made['id']}.json"
    await until(lambda: goods.ok("GET", path), lambda row: row["variantId"] is None)


async def test_a_sku_is_unique_in_the_account(goods):
    await goods.ok("POST", "/api/variants.json", {"sku": "a"})
    second = await goods.ok("POST", "/api/variants.json", {"sku": "b"})

    problem = await goods.problem(409, "POST", "/api/variants.json", json=[{"sku": "c"}, {"sku": "a"}])
    assert {"sku": ["a"]} == problem["details"]
    await goods.problem(409, "POST", "/api/variants.json", json=[{"sku": "d"}, {"sku": "d"}])
    await goods.problem(409, "PUT", f"/api/variants/{second['id']}.json", json={"sku": "a"})
    assert ["a", "b"] == [row["sku"] for row in await goods.ok("GET", "/api/variants.json")]
