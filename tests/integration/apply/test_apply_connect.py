"""Automatic connection by SKU and barcode, in both orders of arrival, and by hand."""

import asyncio

import pytest

from schemas import queries
from schemas.batches import Operation
from workers.apply import rows, variants

CONNECT = queries.load("connect")


async def variant(road, sku, barcode=None):
    """Add a variant as the API does; return its id and the feed variants that wait for it."""
    async with road.connection.transaction():
        await CONNECT.own_variants(road.connection, account_id=1)
        variant_id = await road.connection.fetchval(
            "INSERT INTO variants (account_id, sku, barcode) VALUES (1, $1, $2) RETURNING id", sku, barcode
        )
        found = CONNECT.waiting_for(road.connection, account_id=1, variant_ids=[variant_id])
        return variant_id, [(row["feed_id"], row["external_id"]) async for row in found]


async def feed_rules(road, **columns):
    for name, value in columns.items():
        await road.connection.execute(f"UPDATE inventory_feeds SET {name} = $1", value)


async def connected(road):
    return {key: row["variant_id"] for (_, key), row in (await road.rows()).items()}


async def test_a_new_item_connects_to_the_variant_with_its_sku(road):
    shoe, _ = await variant(road, "shoe")

    await road.outcomes({"externalId": "a", "vendorSku": "shoe"}, {"externalId": "b", "vendorSku": "Shoe"})

    assert {"a": shoe, "b": None} == await connected(road)


async def test_a_changed_sku_connects_anew_and_one_that_matches_nothing_keeps_the_connection(road):
    shoe, _ = await variant(road, "shoe")
    boot, _ = await variant(road, "boot")
    await road.outcomes({"externalId": "a", "vendorSku": "shoe"}, {"externalId": "b", "vendorSku": "shoe"})

    await road.outcomes({"externalId": "a", "vendorSku": "boot"}, {"externalId": "b", "vendorSku": "sock"})

    assert {"a": boot, "b": shoe} == await connected(road)


async def test_a_feed_may_ignore_the_case_of_skus_or_not_connect_at_all(road):
    shoe, _ = await variant(road, "SHOE")
    await feed_rules(road, case_insensitive_skus=True)
    await road.outcomes({"externalId": "a", "vendorSku": "shoe"})
    await feed_rules(road, automatically_connect=False)

    await road.outcomes({"externalId": "b", "vendorSku": "shoe"})

    assert {"a": shoe, "b": None} == await connected(road)


async def test_a_barcode_matches_only_where_the_feed_says_so_and_after_the_sku(road):
    shoe, _ = await variant(road, "shoe", "123")
    boot, _ = await variant(road, "boot", "456")
    await road.outcomes({"externalId": "a", "barcode": "123"})
    await feed_rules(road, automatically_connect_by_barcode=True)

    await road.outcomes(
        {"externalId": "b", "barcode": "123"}, {"externalId": "c", "vendorSku": "boot", "barcode": "123"}
    )

    assert {"a": None, "b": shoe, "c": boot} == await connected(road)


async def test_an_ambiguous_match_connects_nothing_and_is_told_in_the_receipt(road):
    await variant(road, "shoe")
    await variant(road, "SHOE")
    await feed_rules(road, case_insensitive_skus=True)
    sent = road.batch({"externalId": "a", "vendorSku": "Shoe"})

    await road.apply(sent)

    counts, (line,) = await road.receipt(sent)
    assert ({"created": 1}, "created", "ambiguous_match") == (counts, line["outcome"], line["warnings"][0]["code"])
    assert {"a": None} == await connected(road)


async def test_items_that_came_before_their_variant_wait_for_it(road):
    await feed_rules(road, automatically_connect_by_barcode=True)
    await road.outcomes({"externalId": "a", "vendorSku": "shoe"}, {"externalId": "b", "barcode": "123"})
    await road.outcomes({"externalId": "c", "vendorSku": "SHOE"}, feed=2)

    shoe, waiting = await variant(road, "shoe", "123")
    assert [(1, "a"), (1, "b")] == waiting

    assert ["updated", "updated"] == await road.outcomes(
        {"externalId": "a"}, {"externalId": "b"}, operation=Operation.CONNECT
    )
    assert {"a": shoe, "b": shoe, "c": None} == await connected(road)


async def test_variants_are_looked_up_only_where_an_account_has_any(road, monkeypatch):
    match, looked_up = variants.match, []
    monkeypatch.setattr(variants, "match", lambda _, asked: looked_up.append(set(asked)) or match(_, asked))

    await road.outcomes({"externalId": "a", "vendorSku": "shoe"})
    await variant(road, "shoe")
    await road.outcomes({"externalId": "b", "vendorSku": "boot"})

    assert [set(), {("vendorSku", 1, "boot")}] == looked_up


@pytest.mark.parametrize("case_insensitive", [False, True])
async def test_a_variant_and_its_item_that_arrive_together_do_not_miss_each_other(road, monkeypatch, case_insensitive):
    await feed_rules(road, case_insensitive_skus=case_insensitive)
    api = await road.another()
    insert, arrivals = rows.insert, []

    async def insert_while_the_variant_arrives(*args, **options):
        monkeypatch.undo()
        arrivals.append(asyncio.create_task(variant(api, "shoe")))
        while not await road.connection.fetchval(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)"
        ):
            assert not arrivals[0].done()
        await insert(*args, **options)

    monkeypatch.setattr(rows, "insert", insert_while_the_variant_arrives)

    await road.outcomes({"externalId": "a", "vendorSku": "shoe"})

    assert {"a": None} == await connected(road)
    _, waiting = await arrivals[0]
    assert [(1, "a")] == waiting


async def test_connections_made_by_hand_and_undone(road):
    shoe, _ = await variant(road, "shoe")
    await road.outcomes({"externalId": "a"})
    before = (await road.rows())[1, "a"]["updated_at"]
    road.now += road.now - before.replace(hour=0)

    outcomes = [
        await road.outcomes({"externalId": "a", "variantId": wanted}, operation=Operation.CONNECT)
        for wanted in (shoe, shoe, 999, None)
    ]

    assert [["updated"], ["unchanged"], ["rejected"], ["updated"]] == outcomes
    row = (await road.rows())[1, "a"]
    assert (None, road.now) == (row["variant_id"], row["updated_at"])
    assert ["rejected"] == await road.outcomes({"externalId": "gone"}, operation=Operation.CONNECT)


async def test_connections_are_free_of_the_limit(road):
    await road.outcomes({"externalId": "a", "vendorSku": "shoe"})
    shoe, _ = await variant(road, "shoe")
    await road.limit(0)

    assert ["updated"] == await road.outcomes({"externalId": "a"}, operation=Operation.CONNECT)
    assert {"a": shoe} == await connected(road)


async def test_a_connection_to_a_variant_that_is_gone_ends_and_one_that_matches_takes_its_place(road):
    await variant(road, "shoe")
    await road.outcomes({"externalId": "a", "vendorSku": "shoe"}, {"externalId": "b", "vendorSku": "shoe"})
    await road.connection.execute("UPDATE feed_variants SET vendor_sku = 'sock' WHERE external_id = 'b'")
    await road.connection.execute("DELETE FROM variants")
    again, waiting = await variant(road, "shoe")
    assert [] == waiting  # they hold the dead id still

    await road.outcomes({"externalId": "a"}, {"externalId": "b"}, operation=Operation.CONNECT)

    assert {"a": again, "b": None} == await connected(road)
