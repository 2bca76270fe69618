"""CSV values that a line's end without quotes has cut, and lines of words that stand for no item."""

import pytest

from tests.unit.pull.parse.reading import run

HEADER = "sku;qty;price;name\n"
ROWS = "A-1;5;1;soft\n"
NAME_FIRST = {"externalId": "sku", "inventoryQuantity": "qty", "name": "name"}
BEHIND, BEFORE = "the line behind this row is none", "the line before this row is none"


def stock(items):
    return {item["externalId"]: item.get("inventoryQuantity") for item in items}


def told(rejects):
    return sorted((reject.row, reject.external_id, reject.field, reject.code, reject.skipped) for reject in rejects)


CUT = (2, "A-1", "name", "columns", True)


@pytest.mark.parametrize(
    ("line", "rows"),
    [
        ("- washable", 1),
        ("- washable\n- warm", 2),
        ("\nwashable; nice", 1),
        ("Total length: 5 m", 1),
        ("warm", 1),
        ("see A-2", 1),
        ('a 17" one', 1),
        ("\r\nwarm", 1),
        ("x;9", 1),
        ('"a"b', 1),  # which no reader of CSV takes
    ],
)
@pytest.mark.parametrize("behind", ["", "A-2;6;2;y\n"])
def test_a_line_that_is_no_row_puts_the_text_before_it_in_doubt_and_not_the_quantity(line, rows, behind):
    items, rejects, report = run(HEADER + ROWS + line + "\n" + behind)

    assert ({"A-1": 5} | ({"A-2": 6} if behind else {}), True) == (stock(items), report.complete)
    if behind or "Total" not in line:  # at the end it is a footer
        assert "name" not in items[0]
        assert CUT in told(rejects)
        assert any(BEHIND in reject.message and "soft" in reject.message for reject in rejects)
    assert rows == sum(reject.row > 2 for reject in rejects)


@pytest.mark.parametrize(
    ("row", "line"),
    [
        ('A-1;5;1;"soft"', "- washable"),  # quotes end it
        ("A-1;5;1;", "- washable"),
        ("A-1;5;1;soft", "EOF"),
        ("A-1;5;1;soft", "*** END OF FILE ***"),
        ("A-1;5;1;soft", "# a comment"),
        ("A-1;5;1;soft", "2 rows"),
        ("A-1;5;1;soft", "sku;qty;price;name"),
        ("A-1;5;1;soft", "A-3;7"),  # a row that lacks cells
        ("A-1;5;1;soft", "A-3;7;Screw;4;x"),
        ("A-1;5;1;soft", ""),
    ],
)
def test_what_is_a_row_or_a_remark_puts_nothing_in_doubt(row, line):
    _, rejects, _ = run(f"{HEADER}{row}\n{line}\nA-2;6;2;y\n")

    assert [] == [reject for reject in rejects if reject.row == 2]


@pytest.mark.parametrize(
    ("last", "line", "sound"),
    [
        ("12", "50", False),
        ("12", ",50", False),
        ("12", "Hats and caps", True),
        ("12 pcs", "Hats and caps", False),
        ("", "50", True),
    ],
)
def test_a_number_is_in_doubt_where_the_line_behind_it_goes_on_with_one(last, line, sound):
    mapping = {"externalId": "sku", "name": "name", "inventoryQuantity": "qty"}
    items, rejects, _ = run(f"sku;name;qty\nA-1;x;{last}\n{line}\nA-2;y;3\n", mapping=mapping)

    assert ("A-1" in stock(items)) == sound == (2 not in [reject.row for reject in rejects])


def test_a_value_that_nobody_maps_may_be_cut():
    mapping = {"externalId": "sku", "inventoryQuantity": "qty"}

    assert [3] == [reject.row for reject in run(HEADER + ROWS + "- washable\nA-2;6;2;y\n", mapping=mapping)[1]]


def test_a_wrong_text_costs_its_item_where_the_feed_says_so():
    items, rejects, _ = run(HEADER + ROWS + "- washable\nA-2;6;2;y\n", badAttributes="rejectItem")

    assert ({"A-2": 6}, "A-1") == (stock(items), told(rejects)[0][1])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name;sku;qty\nx;A-1;5\nChair\nred;A-2;6\nz;A-3;7\n", (4, "A-2", "name", "columns", True)),
        ("sku;name;qty\nA-1;x;5\nA\n2;y;6\nA-3;z;7\n", (4, None, "externalId", "columns", False)),
        ("sku;name;qty\nA-1;x;5\nHats and caps\nA-2;y;6\nA-3;z;7\n", None),
        ("name;sku;qty\nx;A-1;5\n--- end ---\nred;A-2;6\nz;A-3;7\n", None),
    ],
)
def test_a_line_that_is_no_row_puts_the_first_value_behind_it_in_doubt(text, expected):
    items, rejects, _ = run(text, mapping=NAME_FIRST)

    assert ([expected] if expected else []) == [each for each in told(rejects) if each[0] == 4]
    assert (expected is None or BEFORE in rejects[-1].message, 2) == (True, len(items) - (not expected or expected[4]))


@pytest.mark.parametrize("quoted", ["", '"'])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_wherever_blocks_of_the_file_end_the_value_before_such_a_line_is_in_doubt(newline, quoted):
    lines = [f"A-{number};5;1;{'x' * 240}" for number in range(400)]
    lines[3] = f"A-3;5;{quoted}1{quoted};{'x' * 240}"
    at = next(n for n in range(400) if len(HEADER + newline.join(lines[:n])) > 65_400)
    for place in range(at - 1, at + 4):
        text = HEADER + newline.join([*lines[:place], "- washable", *lines[place:], ""])
        items, rejects, _ = run(text)
        assert (400, [place + 1, place + 2]) == (len(items), sorted(reject.row for reject in rejects))
        assert "name" not in items[place - 1]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("Thank you for your business", "no_item"),
        ("Printed by user 7 on 26.11.2026", "no_item"),
        ("Seite 1 von 3", "no_item"),
        ("Hats and caps", "no_item"),
        ("Total rows;57", "no_item"),
        ("Summe;57;;", "no_item"),
        ("A-9 7 1 z", "columns"),  # an item that lost its delimiters
        ("A-9", "columns"),
        ("Thanks", "columns"),
        ("End-1;57", "columns"),
        ("Total;x", "columns"),
        ("C,7,1,some words", "columns"),
    ],
)
def test_words_that_begin_like_no_row_stand_for_no_item(line, code):
    for behind in ("", "A-2;6;2;y\n"):
        rejects = run(f'{HEADER}A-1;5;1;"x"\n{line}\n{behind}')[1]
        assert [(3, code)] == [(reject.row, reject.code) for reject in rejects]


@pytest.mark.parametrize(
    ("header", "row"), [("name;sku;qty", "{};A-1;5"), ("sku;name;qty", "Red Hat {};x;5"), ("sku;name;qty", "AB;{};5")]
)
def test_words_where_rows_begin_with_words_may_be_what_is_left_of_one(header, row):
    lines = [row.format(name) for name in ("Hat 1", "Blue chair", "x")]
    (reject,) = [
        each for each in run("\n".join([header, *lines, "Green table 5", ""]), mapping=NAME_FIRST)[1] if each.row > 4
    ]

    assert "columns" == reject.code
