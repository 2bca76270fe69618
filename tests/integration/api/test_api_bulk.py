"""Up to 50 feed variants or variants at once, each with its own outcome."""

from functools import partial
from itertools import product

import pytest

from ingest.amqp.publish import Unavailable
from ingest.api.framework.call import SERVICES
from tests.cases import in_one_test
from tests.integration.api.road import until

ITEMS, VARIANTS = "/api/inventory-feed-variants.json", "/api/variants.json"


async def receipts(api, answer):
    """Return the counts of each batch's receipt, once workers are done with it."""
    paths = [f"/api/batches/{batch['batchId']}.json" for batch in answer["batches"]]
    return [await until(partial(api.ok, "GET", path), lambda receipt: receipt["status"] == "done") for path in paths]


@pytest.fixture
async def two(api, worker):
    """The API with two feeds that a worker serves; each has the feed variant "a"."""
    api.feeds = [await api.new_feed(), await api.new_feed()]
    api.made = [
        await api.ok("PUT", f"/api/inventory-feeds/{feed['id']}/parse-webhook.json", {"externalId": "a"})
        for feed in api.feeds
    ]
    return api


async def test_feed_variants_are_changed_and_deleted_by_id_or_key_each_with_its_outcome(two):
    (one, other), (first, second) = two.made, two.feeds
    body = [
        {"id": one["id"], "inventoryQuantity": 1},
        {"inventoryFeedId": second["id"], "externalId": "new", "inventoryQuantity": 2},
        {"id": one["id"], "inventoryQuantity": 3},
        {"id": 999_999, "inventoryQuantity": 1},
        {"inventoryFeedId": first["id"], "externalId": "a", "inventoryQuantity": "many"},
        {"id": other["id"], "externalId": "other"},
        {"id": other["id"], "variantId": 999_999},
        {"inventoryFeedId": 999_999, "externalId": "a"},
        "text",
    ]

    answer = await two.ok("PUT", ITEMS, body)

    assert (3, [3, 4, 5, 6, 7, 8]) == (answer["accepted"], [reject["index"] for reject in answer["rejected"]])
    assert ["id", "inventoryQuantity", "externalId", "variantId", "inventoryFeedId", "id"] == [
        reject["field"] for reject in answer["rejected"]
    ]
    assert [(first["id"], [0, 2]), (second["id"], [1])] == [
        (batch["inventoryFeedId"], batch["indexes"]) for batch in answer["batches"]
    ]
    told, new = await receipts(two, answer)
    assert ({"superseded": 1, "updated": 1, "rejected": 1}, {"created": 1}) == (told["counts"], new["counts"])
    assert [0, 4] == [item["index"] for item in told["items"]]
    assert 3 == (await two.ok("GET", f"/api/inventory-feed-variants/{one['id']}.json"))["inventoryQuantity"]

    gone = await two.ok(
        "DELETE", ITEMS, [one["id"], {"inventoryFeedId": second["id"], "externalId": "new"}, one["id"] + 999]
    )
    await receipts(two, gone)
    assert (2, [2]) == (gone["accepted"], [reject["index"] for reject in gone["rejected"]])
    assert [other["id"]] == [row["id"] for row in await two.ok("GET", ITEMS)]


async def test_feed_variants_are_connected_and_disconnected_by_hand_each_after_its_changes(two):
    (one, other), (first, second) = two.made, two.feeds
    oak, elm = [await two.ok("POST", VARIANTS, {"sku": sku}) for sku in ("oak", "elm")]
    body = [
        {"id": one["id"], "variantId": oak["id"], "inventoryQuantity": 4},
        {"inventoryFeedId": second["id"], "externalId": "new", "variantId": elm["id"]},
        {"id": other["id"], "variantId": oak["id"]},
        {"inventoryFeedId": first["id"], "externalId": "bad", "inventoryQuantity": "many", "variantId": oak["id"]},
        {"id": other["id"], "variantId": "oak"},
    ]
    key = {"headers": {"Idempotency-Key": "connects"}}

    answer = await two.ok("PUT", ITEMS, body, **key)

    assert (3, [(3, "inventoryQuantity"), (4, "variantId")]) == (
        answer["accepted"],
        [(told["index"], told["field"]) for told in answer["rejected"]],
    )
    assert [[0], [0], [1], [1, 2]] == [batch["indexes"] for batch in answer["batches"]]
    assert answer == await two.ok("PUT", ITEMS, body, **key)
    await receipts(two, answer)
    rows = {row["id"]: row for row in await two.ok("GET", ITEMS)}
    assert (oak["id"], 4, oak["id"]) == (
        rows[one["id"]]["variantId"],
        rows[one["id"]]["inventoryQuantity"],
        rows[other["id"]]["variantId"],
    )
    assert [elm["id"]] == [row["variantId"] for row in rows.values() if row["externalId"] == "new"]
    await receipts(two, await two.ok("PUT", ITEMS, [{"id": one["id"], "variantId": None}]))
    assert (await two.ok("GET", f"/api/inventory-feed-variants/{one['id']}.json"))["variantId"] is None


async def test_the_same_body_and_key_again_is_the_same_batches(two):
    body = [{"id": made["id"], "inventoryQuantity": 7} for made in two.made]
    key = {"headers": {"Idempotency-Key": "k"}}

    once = await two.ok("PUT", ITEMS, body, **key)
    again = await two.ok("PUT", ITEMS, body, **key)
    other = await two.ok("PUT", ITEMS, body[:1], **key)

    assert once == again
    assert 2 == len({batch["batchId"] for batch in once["batches"]})
    assert once["batches"][0]["batchId"] != other["batches"][0]["batchId"]
    await receipts(two, other)


async def test_a_broker_that_goes_away_in_between_is_told_with_what_it_took(two, monkeypatch):
    publisher, took = two.client.app[SERVICES].publisher, []

    async def publish(batch):
        if took:
            raise Unavailable("blocked")
        took.append(batch)

    monkeypatch.setattr(publisher, "publish", publish)
    body = [{"id": made["id"], "inventoryQuantity": 7} for made in two.made]
    problem = await two.problem(503, "PUT", ITEMS, json=body)

    assert "api.inventory_feed_variants.update_many.queue.blocked" == problem["title"]
    assert [str(took[0].batch_id)] == [batch["batchId"] for batch in problem["details"]["batches"]]


@pytest.fixture
async def kept(api):
    await api.ok("POST", VARIANTS, {"sku": "kept"})
    return api


@in_one_test("method, path", product(["PUT", "DELETE"], [ITEMS, VARIANTS]))
async def test_a_body_of_the_wrong_size_or_kind_changes_nothing(kept, path, method):
    await kept.problem(422, method, path, json=[])
    await kept.problem(422, method, path, json={"id": 1})
    await kept.problem(413, method, path, json=[1] * 51)
    assert 400 == (await kept.call(method, path, headers={"Content-Type": "application/json"})).status
    assert 1 == len(await kept.ok("GET", VARIANTS))


async def test_a_bound_token_changes_its_own_feeds_alone(two):
    bound = await two.ok(
        "POST", "/api/tokens.json", {"name": "v", "scope": "write", "inventoryFeedId": two.feeds[0]["id"]}
    )
    body = [{"id": made["id"], "inventoryQuantity": 7} for made in two.made]

    answer = await two.ok("PUT", ITEMS, body, token=bound["token"])

    assert (1, [1]) == (answer["accepted"], [reject["index"] for reject in answer["rejected"]])
    await receipts(two, answer)
    stranger = await two.problem(422, "DELETE", ITEMS, json=[made["id"] for made in two.made], token=two.other_token)
    assert [0, 1] == [reject["index"] for reject in stranger["details"]["rejected"]]


async def test_variants_are_changed_and_deleted_each_with_its_outcome(api):
    ids = [one["id"] for one in await api.ok("POST", VARIANTS, [{"sku": sku} for sku in ("a", "b", "c")])]
    body = [
        {"id": ids[0], "name": "A", "colour": "red"},
        {"id": ids[1], "sku": "a"},
        {"id": ids[1], "sku": "d"},
        {"id": ids[2], "sku": "b"},
        {"id": ids[2], "sku": "b"},
        {"id": 999_999, "name": "x"},
        {"name": "x"},
    ]

    answer = await api.ok("PUT", VARIANTS, body)

    assert [(0, "updated"), (2, "updated"), (3, "updated"), (4, "unchanged")] == [
        (one["index"], one["outcome"]) for one in answer["done"]
    ]
    assert [(1, "sku", "sku_taken"), (5, "id", "unknown"), (6, "id", "required")] == [
        (one["index"], one["field"], one["code"]) for one in answer["rejected"]
    ]
    assert ["0.colour"] == [one["field"] for one in answer["warnings"]]
    assert ["a", "d", "b"] == [one["sku"] for one in await api.ok("GET", VARIANTS)]
    gone = await api.ok("DELETE", VARIANTS, [ids[0], ids[0], ids[2]])
    assert ([0, 2], [1]) == ([one["index"] for one in gone["done"]], [one["index"] for one in gone["rejected"]])
    assert ["d"] == [one["sku"] for one in await api.ok("GET", VARIANTS)]
