"""A window against a real Postgres: rows, outcomes, receipts, claims."""

from datetime import UTC, datetime, timedelta

import orjson

from schemas import receipts

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def test_an_item_is_created_then_updated_then_unchanged(road):
    later = NOW + timedelta(minutes=1)
    item = {"externalId": "1234", "vendorSku": "1234", "inventoryQuantity": 10}

    first = await road.apply(road.batch(item))
    road.now = later
    second = await road.apply(road.batch(item | {"inventoryQuantity": 11}))
    road.now = later + timedelta(1)
    third = await road.apply(road.batch({"externalId": "1234", "inventoryQuantity": 11}))

    assert [{"created": 1}, {"updated": 1}, {"unchanged": 1}] == [
        result.batches[0].counts for result in (first, second, third)
    ]
    row = (await road.rows())[1, "1234"]
    assert ("1234", 11, NOW, later, later) == (
        row["vendor_sku"],
        row["inventory_quantity"],
        row["created_at"],
        row["updated_at"],
        row["inventory_updated_at"],
    )


async def test_the_time_of_the_quantity_moves_only_with_the_quantity(road):
    await road.apply(road.batch({"externalId": "a", "inventoryQuantity": 1, "retailPrice": "5"}))
    road.now = NOW + timedelta(1)
    await road.apply(road.batch({"externalId": "a", "inventoryQuantity": 1, "retailPrice": "6"}))

    row = (await road.rows())[1, "a"]
    assert (NOW + timedelta(1), NOW) == (row["updated_at"], row["inventory_updated_at"])


async def test_details_are_merged_cleared_and_left_alone(road):
    await road.apply(road.batch({"externalId": "a", "name": "n", "tags": ["x"], "grams": "5"}))
    await road.apply(road.batch({"externalId": "a", "mpn": "m", "tags": None}))

    result = await road.apply(road.batch({"externalId": "a", "inventoryQuantity": 3, "name": "n"}))

    row = (await road.rows())[1, "a"]
    assert ({"updated": 1}, 3) == (result.batches[0].counts, row["inventory_quantity"])
    assert {"name": "n", "mpn": "m", "grams": "5"} == orjson.loads(row["details"])


async def test_new_rows_of_a_mixed_window_get_the_defaults_of_what_they_omit(road):
    await road.apply(
        road.batch({"externalId": "a", "inventoryPolicy": "deny", "costPrice": "1.25"}, {"externalId": "b"}),
        road.batch({"externalId": "a", "inventoryQuantityOverride": "manual"}, feed=2),
    )

    found = await road.rows()
    assert [("deny", "none"), ("track", "none"), ("track", "manual")] == [
        (found[key]["inventory_policy"], found[key]["inventory_quantity_override"])
        for key in ((1, "a"), (1, "b"), (2, "a"))
    ]


async def test_a_redelivered_batch_touches_nothing(road):
    sent = road.keyed_batch({"externalId": "a", "inventoryQuantity": 1})
    await road.apply(sent)
    await road.apply(road.batch({"externalId": "a", "inventoryQuantity": 2}))

    again = await road.apply(sent, sent)

    assert [False, False] == [result.claimed for result in again.batches]
    assert 2 == (await road.rows())[1, "a"]["inventory_quantity"]


async def test_the_first_of_two_batches_with_one_id_wins_within_a_window_and_the_id_is_free_again_after_a_day(
    road,
):
    sent = road.keyed_batch({"externalId": "a", "inventoryQuantity": 1})
    twin = road.batch({"externalId": "a", "inventoryQuantity": 2})
    twin.batch_id = sent.batch_id

    window = await road.apply(sent, twin)
    twin.received_ms += 86_400_000
    tomorrow = await road.apply(twin)

    assert [True, False] == [result.claimed for result in window.batches]
    assert {"updated": 1} == tomorrow.batches[0].counts


async def test_a_receipt_tells_each_item_that_is_not_simply_created_or_updated(road):
    await road.apply(road.batch({"externalId": "same", "inventoryQuantity": 1}))
    sent = road.batch(
        {"externalId": "same", "inventoryQuantity": 1},
        {"externalId": "new"},
        {"externalId": "twice", "inventoryQuantity": 1},
        {"externalId": "twice", "inventoryQuantity": 2},
        indexes=[0, 2, 3, 4],
        rejected=[{"index": 1, "externalId": "bad", "field": "name", "code": "type", "message": "m", "value": 5}],
        warnings=[{"index": 2, "externalId": "new", "field": "x", "code": "unknown", "message": "w"}],
    )

    result = await road.apply(sent)

    row = await road.connection.fetchrow("SELECT * FROM receipts WHERE batch_id = $1", sent.batch_id)
    assert {"created": 2, "unchanged": 1, "superseded": 1, "rejected": 1} == orjson.loads(row["counts"])
    assert [
        {"index": 0, "externalId": "same", "outcome": "unchanged"},
        {"index": 1, "externalId": "bad", "field": "name", "code": "type", "message": "m", "value": 5}
        | {"outcome": "rejected"},
        {"index": 2, "externalId": "new", "outcome": "created"}
        | {"warnings": [{"field": "x", "code": "unknown", "message": "w"}]},
        {"index": 3, "externalId": "twice", "outcome": "superseded"},
    ] == receipts.decode(row["items"])
    assert ["unchanged", "rejected", "created", "superseded", "created"] == [
        line["outcome"] for line in result.batches[0].items
    ]


async def test_a_batch_of_a_deleted_feed_is_rejected_and_has_a_receipt(road):
    await road.connection.execute("DELETE FROM inventory_feeds WHERE id = 2")
    sent = road.batch({"externalId": "a"}, feed=2)

    result = await road.apply(sent, road.batch({"externalId": "a"}))

    assert [{"rejected": 1}, {"created": 1}] == [each.counts for each in result.batches]
    (line,) = result.batches[0].items
    assert ("feed.deleted", 2) == (line["code"], await road.connection.fetchval("SELECT count(*) FROM receipts"))


async def test_a_message_that_comes_again_is_found_by_its_receipt_although_nobody_looked(road):
    sent = road.batch({"externalId": "a", "inventoryQuantity": 1})
    await road.apply(sent)
    later = road.batch({"externalId": "a", "inventoryQuantity": 2})
    await road.apply(later)

    again = await road.apply(sent, road.batch({"externalId": "b"}))

    assert [False, True] == [each.claimed for each in again.batches]
    assert {(1, "a"): 2, (1, "b"): None} == {key: row["inventory_quantity"] for key, row in (await road.rows()).items()}


async def test_a_receipt_holds_its_batch_to_the_millisecond(road):
    plain = road.batch({"externalId": 'a\\"{},\n'}, at=NOW + timedelta(milliseconds=1))
    pulled = road.batch({"externalId": "ü"}, at=NOW + timedelta(milliseconds=999), run_id=7)
    pulled.delivered_ms = pulled.received_ms + 3
    await road.apply(plain, pulled)
    again = road.batch({"externalId": 'a\\"{},\n'}, {"externalId": "ü"}, at=NOW + timedelta(milliseconds=5))
    await road.apply(again)

    rows = await road.connection.fetch("SELECT * FROM receipts ORDER BY received_at")

    assert [
        (plain.batch_id, NOW + timedelta(milliseconds=1), None, None, '{"created": 1}', []),
        (again.batch_id, NOW + timedelta(milliseconds=5), None, None, '{"unchanged": 2}', ['a\\"{},\n', "ü"]),
        (
            pulled.batch_id,
            NOW + timedelta(milliseconds=999),
            NOW + timedelta(milliseconds=1_002),
            7,
            '{"created": 1}',
            [],
        ),
    ] == [
        (
            *(row[name] for name in ("batch_id", "received_at", "delivered_at", "run_id", "counts")),
            [line["externalId"] for line in receipts.decode(row["items"])],
        )
        for row in rows
    ]
