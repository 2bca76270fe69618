"""Feed variants and variants over the API, with a real worker at the other end of the road."""

import orjson

from ingest.api.framework.call import SERVICES
from ingest.api.shared import stored_pages
from tests.cases import in_one_test
from tests.integration.api.road import EXAMPLE, parse_webhook, until
from tests.midday import midday


async def test_the_articles_example_is_stored_when_it_is_answered(goods):
    answer = await goods.ok("PUT", parse_webhook(goods.feed), EXAMPLE)

    assert ("created", "1234", "1234", 10) == (
        answer["outcome"],
        answer["externalId"],
        answer["vendorSku"],
        answer["inventoryQuantity"],
    )
    assert {"track", "none"} == {answer["inventoryPolicy"], answer["inventoryQuantityOverride"]}
    (listed,) = await goods.ok("GET", "/api/inventory-feed-variants.json?externalId=1234")
    assert {name: value for name, value in answer.items() if name != "outcome"} == listed


async def test_the_same_again_is_unchanged_and_a_partial_change_keeps_the_rest(goods):
    await goods.ok("PUT", parse_webhook(goods.feed), EXAMPLE)

    again = await goods.ok("PUT", parse_webhook(goods.feed), EXAMPLE)
    partial = await goods.ok("PUT", parse_webhook(goods.feed), {"externalId": "1234", "retailPrice": 12.5})

    assert "unchanged" == again["outcome"]
    assert ("updated", 10, 12.5) == (partial["outcome"], partial["inventoryQuantity"], partial["retailPrice"])


async def test_an_array_is_taken_for_later_and_its_receipt_tells(goods):
    answer = await goods.ok(
        "PUT", parse_webhook(goods.feed), [EXAMPLE, {"externalId": "2", "inventoryQuantity": "many"}]
    )

    assert (1, ["inventoryQuantity"]) == (answer["accepted"], [reject["field"] for reject in answer["rejected"]])
    path = f"/api/batches/{answer['batchId']}.json"
    receipt = await until(lambda: goods.ok("GET", path), lambda receipt: receipt["status"] == "done")
    assert {"created": 1, "rejected": 1} == receipt["counts"]


@in_one_test(
    "body, status, field",
    [
        ({"vendorSku": "1"}, 422, "externalId"),
        ({"externalId": "1", "inventoryQuantity": "in stock"}, 422, "inventoryQuantity"),
        ([], 422, None),
        ([{"externalId": str(n)} for n in range(51)], 413, None),
        ("text", 422, "body"),
    ],
)
async def test_a_wrong_item_is_refused_with_its_field(goods, body, status, field):
    problem = await goods.problem(status, "PUT", parse_webhook(goods.feed), json=body)

    assert field is None or [field] == list(problem["details"])


async def test_onports_other_attributes_are_kept_and_what_is_ours_to_say_is_not_taken(goods):
    sent = {"distanceUnit": "cm", "manualInventoryPolicy": True, "hash": "x", "changesPending": True, "cachedName": "y"}

    made = await goods.ok("PUT", parse_webhook(goods.feed), EXAMPLE | sent)
    changed = await goods.ok("PUT", parse_webhook(goods.feed), {"externalId": "1234", "distanceUnit": None})

    assert {"hash", "changesPending", "cachedName"} == {one["field"] for one in made["warnings"]}
    assert {"read_only"} == {one["code"] for one in made["warnings"]}
    assert ("cm", True, False, None) == tuple(
        made[name] for name in ("distanceUnit", "manualInventoryPolicy", "changesPending", "cachedName")
    )
    assert ("in", True) == (changed["distanceUnit"], changed["manualInventoryPolicy"])
    assert (16, True) == (len(made["hash"]), made["hash"] != changed["hash"])


async def test_over_the_limit_is_429_with_what_was_done_and_the_usage(goods):
    limit = {"dailySkuLimit": 1, "timeZone": midday()}
    await goods.ok("PUT", "/api/account.json", limit, token=goods.operator_token)
    await goods.ok("PUT", parse_webhook(goods.feed), EXAMPLE)

    problem = await goods.problem(429, "PUT", parse_webhook(goods.feed), json=EXAMPLE | {"externalId": "5678"})

    assert ("deferred", 1, 1, 0) == (
        problem["details"]["outcome"],
        problem["details"]["usage"]["limit"],
        problem["details"]["usage"]["deferred"],
        problem["details"]["usage"]["remaining"],
    )


async def test_a_change_that_waits_for_room_is_told_as_pending(goods):
    made = await goods.ok("PUT", parse_webhook(goods.feed), EXAMPLE)
    limit = {"dailySkuLimit": 1, "timeZone": (zone := midday())}
    await goods.ok("PUT", "/api/account.json", limit, token=goods.operator_token)
    goods.execute("UPDATE feed_variants SET charged = 0")
    goods.execute("UPDATE usage SET used = 1, day = (now() AT TIME ZONE %s)::date", zone)

    await goods.problem(429, "PUT", parse_webhook(goods.feed), json=EXAMPLE | {"inventoryQuantity": 1})

    assert (await goods.ok("GET", f"/api/inventory-feed-variants/{made['id']}.json"))["changesPending"]


async def test_raising_the_limit_applies_what_was_deferred(goods):
    await goods.ok("PUT", "/api/account.json", {"dailySkuLimit": 0}, token=goods.operator_token)
    await goods.problem(429, "PUT", parse_webhook(goods.feed), json=EXAMPLE)

    await goods.ok("PUT", "/api/account.json", {"dailySkuLimit": 5}, token=goods.operator_token)

    (row,) = await until(lambda: goods.ok("GET", "/api/inventory-feed-variants.json"), bool)
    assert 10 == row["inventoryQuantity"]
    assert 0 == (await goods.ok("GET", "/api/usage.json"))["deferred"]


async def test_a_feed_variant_is_made_read_changed_and_deleted(goods):
    made = await goods.ok("POST", "/api/inventory-feed-variants.json", EXAMPLE | {"inventoryFeedId": goods.feed["id"]})
    path = f"/api/inventory-feed-variants/{made['id']}.json"

    changed = await goods.ok("PUT", path, {"name": "Oak", "tags": ["a"], "grams": 1.5, "inventoryQuantity": None})
    assert ("updated", "Oak", ["a"], 1.5, None, "1234") == tuple(
        changed[name] for name in ("outcome", "name", "tags", "grams", "inventoryQuantity", "vendorSku")
    )
    assert changed["name"] == (await goods.ok("GET", path))["name"]

    await goods.ok("DELETE", path)
    await goods.problem(404, "GET", path)


async def test_making_what_is_there_already_is_a_conflict(goods):
    body = EXAMPLE | {"inventoryFeedId": goods.feed["id"]}
    made = await goods.ok("POST", "/api/inventory-feed-variants.json", body)

    problem = await goods.problem(409, "POST", "/api/inventory-feed-variants.json", json=body)

    assert {"id": made["id"]} == problem["details"]


async def test_a_feed_variant_of_no_feed_or_with_another_key_is_refused(goods):
    problem = await goods.problem(
        422, "POST", "/api/inventory-feed-variants.json", json=EXAMPLE | {"inventoryFeedId": 99}
    )
    assert ["inventoryFeedId"] == list(problem["details"])

    made = await goods.ok("PUT", parse_webhook(goods.feed), EXAMPLE)
    path = f"/api/inventory-feed-variants/{made['id']}.json"
    problem = await goods.problem(422, "PUT", path, json={"externalId": "other"})
    assert ["externalId"] == list(problem["details"])


@in_one_test("body", [None, [], [EXAMPLE], "text", 7])
async def test_a_feed_variant_that_is_no_object_is_refused(goods, body):
    made = await goods.ok("PUT", parse_webhook(goods.feed), EXAMPLE)

    sent = {"data": orjson.dumps(body), "headers": {"Content-Type": "application/json"}}
    for method, path in (("POST", ".json"), ("PUT", f"/{made['id']}.json")):
        problem = await goods.problem(422, method, f"/api/inventory-feed-variants{path}", **sent)
        assert ["body"] == list(problem["details"])


@in_one_test("after", ["", "1", "_a", "x_a", "1_", "1_a&sort=-id", "99999999999999999999_a"])
async def test_a_cursor_that_no_page_gave_is_refused(goods, after):
    problem = await goods.problem(400, "GET", f"/api/inventory-feed-variants.json?after={after}")
    assert ["after"] == list(problem["details"])


async def test_two_editors_do_not_overwrite_each_other(goods):
    made = await goods.ok("PUT", parse_webhook(goods.feed), EXAMPLE)
    path = f"/api/inventory-feed-variants/{made['id']}.json"
    seen = (await goods.call("GET", path)).headers["ETag"]

    await goods.ok("PUT", path, {"inventoryQuantity": 1}, headers={"If-Match": seen})

    await goods.problem(412, "PUT", path, json={"inventoryQuantity": 2}, headers={"If-Match": seen})
    await goods.problem(412, "DELETE", path, headers={"If-Match": seen})
    assert 1 == (await goods.ok("GET", path))["inventoryQuantity"]


@in_one_test(
    "item, available",
    [
        ({"inventoryQuantity": 10}, 8),
        ({"inventoryQuantity": 1}, 0),
        ({"inventoryQuantity": None}, None),
        ({"inventoryQuantity": 10, "allocationBufferOverride": 0}, 10),
        ({"inventoryQuantity": 10, "inventoryQuantityOverride": "manual", "manualInventoryQuantity": 7}, 7),
        ({"inventoryQuantity": 10, "inventoryQuantityOverride": "manual"}, 8),
        ({"inventoryQuantity": 10, "inventoryQuantityOverride": "maximum", "manualInventoryQuantity": 5}, 3),
        ({"inventoryQuantity": 4, "inventoryQuantityOverride": "maximum", "manualInventoryQuantity": 50}, 2),
        ({"inventoryQuantity": -(2**31)}, 0),
    ],
)
async def test_override_and_buffer_decide_what_may_be_sold(goods, item, available):
    feed = await goods.new_feed(allocationBuffer=2)

    answer = await goods.ok("PUT", parse_webhook(feed), {"externalId": "1", **item})

    assert available == answer["availableQuantity"]


async def test_the_list_is_filtered_and_paged_in_a_stable_order(goods):
    other = await goods.new_feed()
    for feed in (goods.feed, other):
        for number in range(3):
            item = {"externalId": f"item_{number}/ä", "vendorSku": f"sku{number}"}
            await goods.ok("PUT", parse_webhook(feed), item)

    async def pages(query):
        found, path = [], f"/api/inventory-feed-variants.json?{query}"
        while path:
            response = await goods.call("GET", path)
            found += [(row["inventoryFeedId"], row["externalId"]) for row in await response.json()]
            following = response.links.get("next")
            path = str(following["url"].relative()) if following else None
        return found

    first, second = goods.feed["id"], other["id"]
    everything = [(feed, f"item_{number}/ä") for feed in (first, second) for number in range(3)]
    assert everything == await pages("limit=2")
    assert everything[3:] == await pages(f"limit=2&inventoryFeedId={second}")
    assert everything[:3] == await pages(f"limit=1&dropshipProviderId={goods.feed['dropshipProviderId']}")
    assert [everything[1], everything[4]] == await pages("vendorSku=sku1")
    assert everything == await pages("connected=false")
    assert [] == await pages("connected=true")
    assert [] == await pages("updatedSince=2999-01-01T00:00:00Z")


async def test_with_no_worker_the_answer_is_202_and_the_receipt_is_pending(api, settings, monkeypatch):
    feed = await api.new_feed()
    replies = api.client.app[SERVICES].replies
    monkeypatch.setattr(replies, "_settings", settings.model_copy(update={"reply_timeout_ms": 50}))

    response = await api.call("PUT", parse_webhook(feed), json=EXAMPLE)

    assert 202 == response.status
    receipt = await api.ok("GET", f"/api/batches/{(await response.json())['batchId']}.json")
    assert "pending" == receipt["status"]


async def test_a_filter_that_no_index_answers_reads_a_bounded_number_of_rows_a_page(api, monkeypatch):
    monkeypatch.setattr(stored_pages, "MAX_LOOKED_AT", 7)
    first, second = await api.new_feed(), await api.new_feed()
    for feed in (first, second):
        api.execute(
            "INSERT INTO feed_variants (account_id, feed_id, external_id, item_hash, details_hash, created_at,"
            " updated_at) SELECT %s, %s, number::text, 0, 0, now(),"
            " CASE WHEN number %% 10 = 0 THEN timestamptz '2026-01-02' ELSE '2026-01-01' END"
            " FROM generate_series(1, 25) number",
            api.account_id,
            feed["id"],
        )

    found, pages, path = [], [], "/api/inventory-feed-variants.json?limit=2&updatedSince=2026-01-02T00:00:00Z"
    while path:
        response = await api.call("GET", path)
        page = await response.json()
        found += [(row["inventoryFeedId"], row["externalId"]) for row in page]
        pages.append(len(page))
        following = response.links.get("next")
        path = str(following["url"].relative()) if following else None

    assert [(feed["id"], name) for feed in (first, second) for name in ("10", "20")] == found
    assert (1, 50 // 7 + 1) == (max(pages), len(pages))
    assert 0 in pages
