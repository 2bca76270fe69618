"""What a feed chooses: what one wrong attribute costs, and which of several rows of one key counts."""

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.feeds.mapping import FormatSettings
from ingest.pull.mapping.fold import different
from ingest.pull.parse import parse

FEEDS = Path(__file__).parents[3] / "fixtures" / "feeds"
MAPPING = {"externalId": "sku", "inventoryQuantity": "qty"}
PRICED = MAPPING | {"retailPrice": "price"}


def read(data, **more):
    given_settings = {"resourceType": "ftpCsv", "mapping": MAPPING, **more}
    parsing = parse(io.BytesIO(data.encode()), FormatSettings.model_validate(given_settings))
    chunks = list(parsing)
    items = [item for chunk in chunks for item in chunk.items]
    assert sum(chunk.rejected for chunk in chunks) == parsing.report.rows_rejected
    assert len(items) == parsing.report.rows_mapped
    return items, [reject for chunk in chunks for reject in chunk.rejects], parsing.report


def stock(items):
    return {item["externalId"]: item.get("inventoryQuantity") for item in items}


def test_a_wrong_price_costs_itself_and_the_good_quantity_is_applied():
    items, rejects, report = read((FEEDS / "prices_on_request.csv").read_text(), mapping=PRICED)

    assert {"externalId": "A5", "inventoryQuantity": 8} == items[-1]
    (told,) = [reject for reject in rejects if reject.skipped]
    assert (6, "A5", "retailPrice", "price", "value", "on request") == (
        told.row,
        told.external_id,
        told.field,
        told.column,
        told.code,
        told.value,
    )
    assert [(3, "A2"), (4, "A3"), (5, "A4")] == [(r.row, r.external_id) for r in rejects if not r.skipped]
    assert (5, 2, 3, 1) == (report.rows_read, report.rows_mapped, report.rows_rejected, report.attributes_skipped)


def test_what_is_stored_of_a_good_file_stays_where_the_next_one_is_wrong():
    table = {}
    for name in ("prices_all_there.csv", "prices_on_request.csv"):
        items, rejects, _ = read((FEEDS / name).read_text(), mapping=PRICED)
        for item in items:
            table[item["externalId"]] = table.get(item["externalId"], {}) | item

    assert 4 == len(rejects)
    expected = {"A1": (7, "2"), "A2": (7, "1"), "A3": (7, "1"), "A4": (7, "1"), "A5": (8, "1")}
    assert expected == {key: (item["inventoryQuantity"], item["retailPrice"]) for key, item in table.items()}


def test_a_feed_can_have_a_wrong_price_cost_its_item():
    items, rejects, report = read("sku,qty,price\nA,1,x\nB,2,3\n", mapping=PRICED, badAttributes="rejectItem")

    assert ({"B": 2}, [("A", False)], 0) == (
        stock(items),
        [(reject.external_id, reject.skipped) for reject in rejects],
        report.attributes_skipped,
    )


@pytest.mark.parametrize("price", ["1,5", "12 EUR", "1.2.3", "9" * 12, "-", "=1+1"])
@pytest.mark.parametrize("form", ["csv", "xml", "json"])
def test_every_kind_of_wrong_price_is_skipped_in_every_format(price, form):
    if form == "csv":
        data, more = f'externalId;inventoryQuantity;retailPrice\nA;5;"{price}"\n', {"mapping": {}}
    elif form == "xml":
        names = {"externalId": "A", "inventoryQuantity": "5", "retailPrice": price}
        inner = "".join(f"<{name}>{value}</{name}>" for name, value in names.items())
        data, more = f"<r><i>{inner}</i></r>", {"resourceType": "xml", "itemPath": "/r/i", "mapping": {}}
    else:
        item = {"externalId": "A", "inventoryQuantity": 5, "retailPrice": price}
        data, more = json.dumps([item]), {"resourceType": "api", "mapping": {}}
    items, (told,), _ = read(data, **more)

    assert [{"externalId": "A", "inventoryQuantity": 5}] == items
    assert ("retailPrice", True) == (told.field, told.skipped)


@pytest.mark.parametrize("row", ["A,x,1", ",5,1", "A,x,x"])
def test_a_wrong_key_or_quantity_always_costs_the_item(row):
    items, rejects, _ = read(f"sku,qty,price\n{row}\n", mapping=PRICED)

    assert ([], {False}) == (items, {reject.skipped for reject in rejects})


def test_an_item_of_which_only_the_key_is_left_is_rejected():
    items, (reject,), _ = read("sku,price\nA,x\n", mapping={"externalId": "sku", "retailPrice": "price"})

    assert ([], "retailPrice", False) == (items, reject.field, reject.skipped)


WAREHOUSES = (FEEDS / "warehouses.csv").read_text()


@pytest.mark.parametrize(
    ("duplicates", "expected"),
    [
        ("first", {"A1": 12, "A2": 3}),
        ("sum", {"A1": 12, "A2": 7}),
        ("max", {"A1": 12, "A2": 4}),
        ("reject", {}),
    ],
)
def test_rows_of_one_key_are_folded_as_the_feed_says(duplicates, expected):
    items, rejects, report = read(WAREHOUSES, duplicates=duplicates)

    assert expected == stock(items)
    assert (2 if expected else 0) == report.rows_folded
    assert [] == rejects if expected else [2, 3, 4, 5] == sorted(reject.row for reject in rejects)
    assert report.rows_read == report.rows_mapped + report.rows_rejected + report.rows_folded


def test_the_last_row_counts_by_itself_and_the_others_are_counted():
    items, rejects, report = read(WAREHOUSES)

    assert ({"A1": 0, "A2": 4}, [], 2, 4) == (stock(items), rejects, report.rows_folded, len(items))


def test_a_rejected_duplicate_says_where_the_other_one_stands():
    _, rejects, _ = read("sku,qty\nA,1\nB,2\nA,3\n", duplicates="reject")

    assert {4: "row 2 has the same externalId", 2: "row 4 has the same externalId"} == {
        r.row: r.message for r in rejects
    }
    assert {"duplicate"} == {reject.code for reject in rejects}


@pytest.mark.parametrize("rows", ["A,1\nA,x\n", "A,x\nA,1\n", "A,1\nA,2\nA,x\n", "A,1\nA,2,\nA,3\n", "A,1\nA,\n"])
@pytest.mark.parametrize("duplicates", ["sum", "max"])
def test_a_sum_of_which_a_part_was_rejected_is_none(rows, duplicates):
    items, rejects, _ = read(f"sku,qty\n{rows}B,5\n", duplicates=duplicates)

    assert {"B": 5} == stock(items)
    assert {"A"} == {reject.external_id for reject in rejects}


@pytest.mark.parametrize("duplicates", ["sum", "max"])
def test_a_row_that_may_be_a_part_of_any_sum_says_so(duplicates):
    items, (reject,), _ = read("sku,qty\nA,1\n,2\nA,4\n", duplicates=duplicates)

    assert {"A": 5 if duplicates == "sum" else 4} == stock(items)
    assert reject.message.endswith("; the sum or maximum of its externalId lacks this row")


def test_the_first_row_counts_and_if_it_was_rejected_none_does():
    items, rejects, _ = read("sku,qty\nA,x\nA,1\nB,2\nB,x\nC,3\nC,4\n", duplicates="first")

    assert {"B": 2, "C": 3} == stock(items)
    assert [(2, "A", "type"), (5, "B", "type"), (3, "A", "duplicate")] == [
        (reject.row, reject.external_id, reject.code) for reject in rejects
    ]


def test_the_other_attributes_of_folded_rows_add_up_and_a_missing_quantity_is_none():
    data = "sku,qty,price\nA,1,\nA,,2.50\nB,,1\nB,,2\n"
    items, rejects, _ = read(data, duplicates="sum", mapping=PRICED)

    assert [
        {"externalId": "A", "inventoryQuantity": 1, "retailPrice": "2.5"},
        {"externalId": "B", "retailPrice": "2"},
    ] == items
    assert [] == rejects


def test_a_sum_beyond_what_a_quantity_takes_is_a_reject():
    items, (reject,), _ = read("sku,qty\nA,2000000000\nA,2000000000\nB,1\n", duplicates="sum")

    assert ({"B": 1}, "range", 2) == (stock(items), reject.code, reject.row)


def test_many_keys_are_folded_on_disk():
    rows = "".join(f"K{n % 7_000},{n}\n" for n in range(14_000))
    items, _, report = read("sku,qty\n" + rows, duplicates="sum")

    assert {f"K{n}": 2 * n + 7_000 for n in range(7_000)} == stock(items)
    assert 7_000 == report.rows_folded


@given(st.lists(st.lists(st.sampled_from(["a", "c d", "é"]), min_size=1), max_size=4), st.integers(1, 4))
def test_repetitions_are_counted_in_any_number_of_passes(blocks, per_pass):
    keys = [key for block in blocks for key in block]
    kept = io.BytesIO("".join("\0".join(block) + "\n" for block in blocks).encode())

    assert len(set(keys)) == different(kept, len(keys), per_pass)


def test_repetitions_are_counted_whatever_the_order_and_wherever_blocks_end():
    rows = [f"K{n:05}" for n in range(3_000)]

    for keys, folded in ((rows, 0), ([*rows, rows[0]], 1), ([*rows, *reversed(rows)], 3_000), (rows[::-1], 0)):
        text = "sku,qty\n" + "".join(f"{key},1\n" for key in keys)
        assert folded == read(text)[2].rows_folded
