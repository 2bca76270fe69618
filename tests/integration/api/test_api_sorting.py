"""Lists in the order that is asked for, page by page, and what a name begins with."""

import pytest

from ingest.api.shared import stored_pages
from tests.cases import in_one_test

ITEMS, VARIANTS = "/api/inventory-feed-variants.json", "/api/variants.json"


async def pages(api, target, name):
    """Follow the links; return the names of each page."""
    found = []
    while target is not None:
        answer = await api.call("GET", target)
        assert answer.status == 200, await answer.text()
        found.append([one[name] for one in await answer.json()])
        target = str(answer.links["next"]["url"].relative()) if "next" in answer.links else None
    return found


@pytest.fixture
async def named(api):
    products = [("b", "Oak table"), ("a", "oak"), ("d", None), ("c", "Elm"), ("e", "OAK"), ("f", "Oakum_1")]
    await api.ok("POST", VARIANTS, [{"sku": sku, "name": name} for sku, name in products])
    return api


@in_one_test(
    "query, expected",
    [
        ("", [["b", "a"], ["d", "c"], ["e", "f"]]),
        ("&sort=-id", [["f", "e"], ["c", "d"], ["a", "b"]]),
        ("&sort=sku", [["a", "b"], ["c", "d"], ["e", "f"]]),
        ("&sort=name", [["c", "a"], ["e", "b"], ["f"]]),
        ("&namePrefix=OAK", [["a", "e"], ["b", "f"]]),
        ("&namePrefix=oakum_", [["f"]]),
        ("&namePrefix=%25", [[]]),
        ("&sort=sku&offset=3", [["d", "e"], ["f"]]),
    ],
)
async def test_variants_are_sorted_and_found_by_name_page_by_page(named, query, expected):
    assert expected == await pages(named, f"{VARIANTS}?limit=2{query}", "sku")


async def test_variants_are_counted_by_name(named):
    answer = await named.ok("GET", "/api/variants/count.json?namePrefix=oak")

    assert {"count": 4, "more": False} == answer
    await named.problem(400, "GET", f"{VARIANTS}?sort=price")


async def test_feed_variants_come_newest_first_and_are_found_by_name(api, monkeypatch):
    feeds = [await api.new_feed(), await api.new_feed()]
    for number in range(8):
        row = api.execute(
            "INSERT INTO feed_variants (account_id, feed_id, external_id, item_hash, details_hash, created_at,"
            " updated_at) VALUES (%s, %s, %s, 0, 0, now(), now()) RETURNING id",
            *(api.account_id, feeds[number % 2]["id"], str(number)),
        )
        api.execute(
            "INSERT INTO feed_variant_details VALUES (%s, %s, jsonb_build_object('name', %s::text))",
            *(api.account_id, row, "Oak" if number < 4 else "Elm"),
        )
    newest = f"{ITEMS}?limit=3&sort=-id"

    assert [["7", "6", "5"], ["4", "3", "2"], ["1", "0"]] == await pages(api, newest, "externalId")
    assert [["7", "5", "3"], ["1"]] == await pages(api, f"{newest}&inventoryFeedId={feeds[1]['id']}", "externalId")
    assert [["0", "2", "1"], ["3"]] == await pages(api, f"{ITEMS}?limit=3&namePrefix=oA", "externalId")
    assert 4 == (await api.ok("GET", "/api/inventory-feed-variants/count.json?namePrefix=elm"))["count"]
    monkeypatch.setattr(stored_pages, "MAX_LOOKED_AT", 3)  # of a filter that finds little: shorter pages, and still all
    short = [
        await pages(api, target, "externalId") for target in (f"{newest}&namePrefix=oak", f"{ITEMS}?namePrefix=oak")
    ]
    assert [["3", "2", "1", "0"], ["0", "2", "1", "3"]] == [
        [name for page in found for name in page] for found in short
    ]
