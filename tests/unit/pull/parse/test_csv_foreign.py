"""Rows of a table that are none of its items: headers once more, headings, footers, totals."""

import io

import pytest

from ingest.feeds.mapping import FormatSettings
from ingest.pull.parse import FormatError, parse

MAPPING = {"externalId": "sku", "inventoryQuantity": "qty", "retailPrice": "price", "name": "name"}
HEADER = "sku;qty;price;name"
STOCK = {"A": 5, "B": 6}


def read(*lines, mapping=MAPPING, **more):
    form = FormatSettings.model_validate({"resourceType": "ftpCsv", "mapping": mapping, **more})
    parsing = parse(io.BytesIO(("\n".join(lines) + "\n").encode()), form)
    chunks = list(parsing)
    items = [item for chunk in chunks for item in chunk.items]
    return items, [reject for chunk in chunks for reject in chunk.rejects], parsing.report


def stock(items):
    return {item["externalId"]: item.get("inventoryQuantity") for item in items}


@pytest.mark.parametrize("quoted", ["B;6;2;y", 'B;6;2;"y, ""z"""'])
@pytest.mark.parametrize(
    "line",
    [
        HEADER,
        f"\ufeff{HEADER}",
        "SKU;Qty;PRICE;Name",
        f"{HEADER} ",
        "*** END OF FILE ***;;;",
        "Generated 2024-01-01;;;",
        "Hats and caps;;;",
        "Shoes:;;;",
        "EOF;;;",
        "Total;11;3;",
        "TOTAL:;11;;",
        "Summe;11;3;x",
        "Grand Total;11;3;",
        "Sub-total:;11;;",
        "Total stock;11;;",
        "Zwischensumme;11;;",
        "SUM;11;;",
        "\u03a3;11;;",
        "\u0418\u0442\u043e\u0433\u043e:;11;;",
        f"\f{HEADER}",
        "Page 2 of 3",
        "- Seite 7 -",
        "*** END OF FILE ***",
        "Total: 123",
        "2 rows",
        "(2 rows affected)",
        "-- end --",
        "EOF",
        "# a comment",
        "3 rows 0 errors",
        "sep=;",
    ],
)
def test_such_a_row_is_told_and_is_no_item(line, quoted):
    items, (reject,), report = read(HEADER, "A;5;1;x", line, quoted)

    assert (STOCK, True) == (stock(items), report.complete)
    assert (3, "no_item") == (reject.row, reject.code)
    assert reject.external_id  # it stands for no item that may be missing


@pytest.mark.parametrize(
    "line", ["Shoes", "Hats and caps", "Shoes:", "A-1", "C,7,1,z", "C 7 1 z", "Total,7,1", "END-1\t5", '"C 7"""', "C:7"]
)
def test_a_short_row_that_may_be_what_is_left_of_an_item_leaves_missing_items_alone(line):
    _, (reject,), report = read(HEADER, 'A;5;1;"x"', line, "B;6;2;y")

    assert ("columns", True) == (reject.code, report.complete)


@pytest.mark.parametrize(
    "lines",
    [
        ["ERROR: canceling statement due to timeout"],
        ["MySQL server has gone away", ""],
        ["... 5000 more rows"],
        ["Traceback (most recent call last):", '  File "x.py", line 1', "TimeoutError"],
        ["<b>Fatal error</b>:  Allowed memory size of 134217728 bytes exhausted in <b>x.php</b><br />"],
        ["Error;the export failed"],
    ],
)
def test_a_message_behind_the_last_item_holds_the_file(lines):
    items, rejects, report = read(HEADER, "A;5;1;x", "B;6;2;y", *lines)

    assert (STOCK, {"columns"}, False) == (stock(items), {reject.code for reject in rejects}, report.complete)
    assert "what stands behind the last item tells of trouble" in report.reason


@pytest.mark.parametrize("line", ["Export done: 0 errors", "*** END, no warnings ***", "Warning: A;5", "the error"])
def test_a_message_among_the_items_or_that_all_is_well_does_not(line):
    assert read(HEADER, "A;5;1;x", line, "B;6;2;y")[2].complete
    assert ("0" in line or "no" in line) == read(HEADER, "A;5;1;x", line)[2].complete


@pytest.mark.parametrize("line", ["\f", "\t", "\u00a0 ", "\ufeff", "\x1a", " \f "])
def test_a_line_of_white_space_alone_is_an_empty_row(line):
    for end in (line, "B;6;2;y"):
        items, rejects, report = read(HEADER, "A;5;1;x", line, "B;6;2;y", end)
        assert (STOCK, [], True) == (stock(items), rejects, report.complete)


def test_the_header_once_more_is_no_item_where_its_names_would_be_values():
    items, (reject,), _ = read(HEADER, "A;5;1;x", HEADER, "B;6;1;y", mapping={"externalId": "sku", "name": "name"})

    assert [{"externalId": "A", "name": "x"}, {"externalId": "B", "name": "y"}] == items
    assert "the header stands here once more" in reject.message


@pytest.mark.parametrize(
    "header", ["sku;price;qty;name", "qty;sku;price;name", "SKU;Preis;Menge;Name", "sku;price;qty", "sku;qty;price;x;y"]
)
def test_behind_the_header_of_another_table_no_value_is_certain(header):
    _, rejects, report = read(HEADER, "A;5;1;x", "", header, "B;12;6;y")

    assert (4, "no_item") == (rejects[0].row, rejects[0].code)
    assert (False, "row 4: another header stands here: a second table begins") == (report.complete, report.reason)


@pytest.mark.parametrize(
    "line", ["name;6;2;y", "sku;6;2;y", "qty-1;6;2;y", "Hats;;;x", "A B;6;;", "Total-1;6;2;y", "end;6;2;y"]
)
def test_a_row_that_only_resembles_one_is_an_item(line):
    items, rejects, _ = read(HEADER, "A;5;1;x", line)

    assert ([], [line.partition(";")[0]]) == (rejects, [item["externalId"] for item in items[1:]])


@pytest.mark.parametrize(("lines", "more"), [((), {}), ((HEADER,), {"csvSkipRows": 1})])
def test_an_item_where_the_header_should_be_is_not_lost_to_positions(lines, more):
    mapping = {"externalId": 1, "inventoryQuantity": 2}
    with pytest.raises(FormatError, match=r"the header seems to be an item \(A, 5, 1, x\): set csvHasHeader to false"):
        read(*lines, "A;5;1;x", "B;6;2;y", mapping=mapping, **more)


@pytest.mark.parametrize(
    ("header", "mapping"),
    [
        (HEADER, {"externalId": 1, "inventoryQuantity": 2}),
        ("sku;2024;2025;x", {"externalId": "sku", "inventoryQuantity": "2024"}),
        ("art. no;36;37;x", {"externalId": 1, "inventoryQuantity": 2}),
    ],
)
def test_a_header_that_is_no_item_may_be_mapped_by_position(header, mapping):
    assert {"A": 5, "B": 6} == stock(read(header, "A;5;1;x", "B;6;2;y", mapping=mapping)[0])


@pytest.mark.parametrize(
    ("mapping", "more", "layout"),
    [
        ({"externalId": 1, "inventoryQuantity": 2}, {}, "1 'sku', 2 'qty'"),
        ({"externalId": "sku", "inventoryQuantity": [9, 2], "name": 4}, {}, "2 'qty', 4 'name'"),
        ({"externalId": "sku", "inventoryQuantity": "qty"}, {}, None),
        ({"externalId": 1, "inventoryQuantity": 2}, {"csvHasHeader": False, "csvSkipRows": 1}, "4 columns"),
    ],
)
def test_what_stands_at_the_positions_that_are_mapped_is_told(mapping, more, layout):
    assert layout == read(HEADER, "A;5;1;x", "B;6;2;y", mapping=mapping, **more)[2].layout


def test_positions_without_a_header_are_no_names():
    mapping = {"externalId": 1, "inventoryQuantity": 2, "name": 3}
    items, rejects, _ = read("1;2;3", "2;1;4", mapping=mapping, csvHasHeader=False)

    assert ({"1": 2, "2": 1}, []) == (stock(items), rejects)


@pytest.mark.parametrize("rest", ["big;7", "2 m, big;7", "black;big;7"])
def test_lines_that_a_break_in_a_value_has_made_are_no_rows_that_leave_out_cells(rest):
    pieces = rest.count(";") + 1
    header = ";".join(["sku", "qty", *(f"c{number}" for number in range(pieces))])
    row = f"5{';x' * pieces}"
    mapping = {"externalId": "sku", "inventoryQuantity": "qty"}
    lines = (header, f"K-1;{row}", "K-2;5;Rack", rest, f"K-3;{row}")
    items, rejects, _ = read(*lines, mapping=mapping, delimiter=";")

    assert {"K-1": 5, "K-3": 5} == stock(items)
    assert [(3, "K-2", "columns"), (4, "columns")] == [
        (rejects[0].row, rejects[0].external_id, rejects[0].code),
        (rejects[1].row, rejects[1].code),
    ]
