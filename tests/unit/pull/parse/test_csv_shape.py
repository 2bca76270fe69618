"""The shape of rows: what does not match the header is a reject, unless the whole file shows a habit."""

import io
from pathlib import Path

import pytest

from ingest.feeds.mapping import FormatSettings
from ingest.pull.parse import FormatError, parse

FEEDS = Path(__file__).parents[3] / "fixtures" / "feeds"
MAPPING = {"externalId": "sku", "inventoryQuantity": "qty", "name": "name"}


def read(data, **more):
    given = {"resourceType": "ftpCsv", "mapping": MAPPING, **more}
    parsing = parse(io.BytesIO(data.encode() if isinstance(data, str) else data), FormatSettings.model_validate(given))
    chunks = list(parsing)
    items = {row: item for chunk in chunks for row, item in zip(chunk.rows, chunk.items, strict=True)}
    return items, [reject for chunk in chunks for reject in chunk.rejects], parsing.report


def fixture(name, **more):
    return read((FEEDS / name).read_bytes(), **more)


def stock(items):
    return {item["externalId"]: item.get("inventoryQuantity") for item in items.values()}


def faults(rejects):
    return [(reject.row, reject.external_id, reject.code) for reject in rejects]


def test_a_row_shifted_by_a_delimiter_in_a_name_is_refused_although_its_last_cell_is_empty():
    items, rejects, report = fixture("shifted_row.csv")

    assert {"A1": 12, "A3": 7} == stock(items)
    assert [(3, "A2", "columns")] == faults(rejects)
    assert "5 columns where the header has 4" in rejects[0].message
    assert report.complete


@pytest.mark.parametrize(
    "text",
    [
        "sku,name,qty\nA1,Table,5,\nA2,Chair,6,\n",
        "sku,name,qty,\nA1,Table,5,\nA2,Chair,6,\n",
        "sku,name,qty,\nA1,Table,5,\n",
        "sku,name,qty,,,\nA1,Table,5\nA2,Chair,6\n",
        "sku,name,qty\n" + "".join(f"A{n},Table,5,,\n" for n in range(6_000)),
        'sku,name,qty\nA1,"Table, oak",5,\nA2,Chair,6,\n',
    ],
)
def test_delimiters_at_the_end_of_every_row_are_a_habit(text):
    items, rejects, _ = read(text)

    assert [] == rejects
    assert text.count("\n") - 1 == len(items)
    assert {5} >= set(stock(items).values()) - {6}


@pytest.mark.parametrize(
    "text",
    [
        "sku,name,qty\nA1,Table,5\nA2,Chair,6,\n",
        "sku,name,qty\nA1,Screw 4,40,\n",
        "sku,name,qty\n" + "".join(f"A{n},Table,5\n" for n in range(6_000)) + "X,Screw 4,40,\n",
    ],
)
def test_one_delimiter_too_many_in_one_row_is_none(text):
    _, rejects, _ = read(text)

    assert ["columns"] == [reject.code for reject in rejects]
    assert text.count("\n") == rejects[0].row


def test_empty_cells_that_spreadsheets_leave_out_are_empty_where_the_whole_file_shows_it():
    text = "sku,qty,name,colour\nA1,5,Table,red\nA2,6\nA3,7,Chair\nA4,8\n"
    items, rejects, _ = read(text)

    assert ({"A1": 5, "A2": 6, "A3": 7, "A4": 8}, []) == (stock(items), rejects)
    assert {"externalId": "A2", "inventoryQuantity": 6} == items[3]


def test_short_rows_that_make_no_row_together_are_no_broken_one():
    items, rejects, _ = read("sku,name,qty,c\nA,Table,5,red\nB,Chair\nC,Desk,7\nD,Lamp,8\n")

    assert ({"A": 5, "C": 7, "D": 8}, [(3, "columns")]) == (stock(items), [(each.row, each.code) for each in rejects])


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("sku,qty,name\nA1,5,Table\nA2,6\nA3,7,\n", 3),  # A3 did not leave it out
        ("sku,qty,name\nA1,5,Table\nA2,6\n", 3),  # one row is no habit
        ("sku,name,qty\nA1,Table,5\nA2,Chair\nA3,Desk\nA4,Lamp,7\n", 3),  # the quantity would be missing
        ("sku,name,qty,c\nA,Table,5,red\nB,Long\nname,6,blue\nC,Lamp,7,red\n", 4),  # together they are a row
        ("sku,qty,name\nA1,5,Table\nA2,6\nA3,7\nA4,8,Lamp,\n", 3),  # a row that may be shifted speaks against it
    ],
)
def test_a_row_that_is_too_short_for_another_reason_is_refused(text, row):
    _, rejects, _ = read(text)

    assert row in [reject.row for reject in rejects if reject.code == "columns"]


def test_rows_swallowed_by_a_stray_quote_are_found_and_reading_goes_on_behind_it():
    text = 'sku,name,qty\nA0,"Lamp, red",4\nA1,"Table,5\nA2,Chair,6\nA3,Desk",7\nA4,Bed,8\n'
    items, rejects, report = read(text)

    assert {"A0": 4, "A2": 6, "A3": 7, "A4": 8} == stock(items)
    assert [(3, "A1", "quote")] == faults(rejects)
    assert report.complete


@pytest.mark.parametrize("rows", [2, 3, 40, 3_000])
def test_however_many_rows_a_stray_quote_swallows_none_is_lost_or_merged(rows):
    lines = [f"B{n},Thing {n},{n}" for n in range(rows)]
    text = 'sku,name,qty\nA0,"Lamp, red",4\nA1,"Table,5\n' + "\n".join(lines) + '\nZ,Des"k,7\n'
    items, rejects, _ = read(text)

    assert {f"B{n}": n for n in range(rows)} | {"A0": 4, "Z": 7} == stock(items)
    assert [(3, "A1", "quote")] == faults(rejects)


def test_a_description_of_several_lines_is_no_swallowed_row():
    text = 'sku,name,qty\nA1,"soft, warm\nlight, 5, fast\n1,2,x",5\nA2,"a\n\n b, c, d",6\n'
    items, rejects, _ = read(text)

    assert ({"A1": 5, "A2": 6}, []) == (stock(items), rejects)
    assert "soft, warm\nlight, 5, fast\n1,2,x" == items[2]["name"]


@pytest.mark.parametrize("delimiter", ["\t", "|"])
def test_a_quote_in_an_unquoted_dialect_is_text(delimiter):
    lines = ["sku,name,qty", 'A1,17" monitor,5', 'A2,"Best" shelf,6', 'A3,"open,7', 'A4,close",8', "A5,x,9"]
    items, rejects, _ = read("\n".join(lines).replace(",", delimiter) + "\n")

    assert ({"A1": 5, "A2": 6, "A3": 7, "A4": 8, "A5": 9}, []) == (stock(items), rejects)
    assert ['17" monitor', '"Best" shelf', '"open', 'close"', "x"] == [item["name"] for item in items.values()]


def test_a_quoted_cell_makes_quotes_of_the_quotes_of_a_file_with_tabs():
    items, rejects, _ = read('sku\tname\tqty\nA1\t"17"" monitor"\t5\nA2\t"a\tb"\t6\nA3\t"Best" shelf\t7\n')

    assert ({"A1": 5, "A2": 6}, [(4, "A3", "quote")]) == (stock(items), faults(rejects))
    assert '17" monitor' == items[2]["name"]


def test_a_backslash_before_a_quote_is_refused_with_the_setting_that_reads_it():
    items, rejects, _ = fixture("backslash_quotes.csv")

    assert {"A4": 8} == stock(items)
    assert [(2, "A1", "quote"), (3, "A2", "quote"), (4, "A3", "quote")] == faults(rejects)
    assert all("csvEscape" in reject.message for reject in rejects)


@pytest.mark.parametrize("escape", ["\\", "backslash"])
def test_a_backslash_escapes_a_quote_where_the_feed_says_so(escape):
    items, rejects, _ = fixture("backslash_quotes.csv", csvEscape=escape)

    assert ({"A1": 5, "A2": 6, "A4": 8}, [(4, "A3", "columns")]) == (stock(items), faults(rejects))
    assert ['17" monitor', '17" monitor, black'] == [items[2]["name"], items[3]["name"]]


def test_an_escaped_backslash_at_the_end_of_a_value_does_not_escape_the_quote():
    assert {"A1": 5, "A2": 6} == stock(read('sku,name,qty\nA1,"C:\\\\",5\nA2,"x",6\n', csvEscape="\\")[0])


def test_a_backslash_is_text_where_the_feed_says_so():
    items, rejects, _ = read('sku,name,qty\nA1,"C:\\dir\\",5\nA2,"a, b",6\n', csvEscape="none")

    assert ({"A1": 5, "A2": 6}, [], "C:\\dir\\") == (stock(items), rejects, items[2]["name"])


@pytest.mark.parametrize("name", ["footer.csv", "footer_newline.csv"])
def test_a_footer_is_a_reject_and_does_not_hold_the_file(name):
    items, rejects, report = fixture(name)

    assert {"A1": 5, "A2": 6} == stock(items)
    assert [(4, "no_item")] == [(reject.row, reject.code) for reject in rejects]
    assert report.complete


@pytest.mark.parametrize("end", ["A3", "A3,Cha", "A3,Chair", 'A3,"Chair', "\0" * 100, "\0" * 5_000])
def test_a_row_that_is_cut_off_holds_the_file(end):
    assert not read(f"sku,name,qty\nA1,Table,5\nA2,Chair,6\n{end}")[2].complete


@pytest.mark.parametrize("end", ["\x1a", "\r\n\x1a", "\x1a\x1a"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_ctrl_z_at_the_end_is_no_part_of_the_file(end, encoding):
    items, rejects, report = read(f"sku,name,qty\r\nA1,Tür,5\r\nA2,Chair,6{end}".encode(encoding))

    assert ({"A1": 5, "A2": 6}, [], True) == (stock(items), rejects, report.complete)


def test_the_file_of_a_dos_program_is_whole():
    items, rejects, report = fixture("ctrl_z.csv", mapping={"externalId": "sku", "inventoryQuantity": "qty"})

    assert ({"A1": 5, "A2": 6}, [], True) == (stock(items), rejects, report.complete)


@pytest.mark.parametrize("name", ["bom", "quoted", "upper", "wide"])
def test_excels_first_line_is_read_in_all_its_ways(name):
    items, rejects, report = fixture(f"excel_separator_{name}.csv", mapping={"externalId": "sku"})

    assert (["A1"], [3], [], ";") == ([i["externalId"] for i in items.values()], list(items), rejects, report.delimiter)


@pytest.mark.parametrize("first", ["sep=;;", '"sep=;";;', "Sep=;", '"SEP=;"', "sep=;  "])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("ending", ["\r\n", "\r", "\n"])
def test_excels_first_line_is_read_in_every_encoding(first, encoding, ending):
    items, rejects, _ = read(ending.join([first, "sku;name;qty", "A1;Tür;5", ""]).encode(encoding))

    assert ({3: {"externalId": "A1", "name": "Tür", "inventoryQuantity": 5}}, []) == (items, rejects)


def test_a_name_that_stands_twice_is_refused_with_both_positions_and_a_number_or_position_chooses():
    mapping = {"externalId": "sku", "inventoryQuantity": "stock"}
    with pytest.raises(FormatError, match=r"2 columns are named 'stock', at positions 2 and 4.*stock\[1\]"):
        fixture("duplicate_header.csv", mapping=mapping)

    for path, expected in (
        ("stock[1]", {"A1": 0, "A2": 3}),
        ("stock[2]", {"A1": 25, "A2": 40}),
        (4, {"A1": 25, "A2": 40}),
    ):
        assert expected == stock(fixture("duplicate_header.csv", mapping=mapping | {"inventoryQuantity": path})[0])


@pytest.mark.parametrize("header", ["sku;Stock;price;stock ", "sku;STOCK;price;\ufeffstock", "sku;in-stock;x;In Stock"])
def test_names_that_differ_in_what_a_mapping_does_not_see_stand_twice_too(header):
    path = "instock" if "in-" in header else "stocK"
    with pytest.raises(FormatError, match="positions 2 and 4"):
        read(f"{header}\nA1;1;2;3\n", mapping={"externalId": "sku", "inventoryQuantity": path})


def test_a_name_is_found_whether_its_accents_are_composed_or_not():
    data = "sku;Me\u0301nge\nA1;5\n"

    assert {"A1": 5} == stock(read(data, mapping={"externalId": "sku", "inventoryQuantity": "M\u00e9nge"})[0])


def test_two_columns_of_one_attribute_are_refused_without_a_mapping_too():
    with pytest.raises(FormatError, match="inventoryQuantity, at positions 2 and 3"):
        read("externalId;inventoryQuantity;Inventory Quantity\nA;1;2\n", mapping={})


@pytest.mark.parametrize("around", ["\u00a0", "\ufeff", "\u200b", " ", "\u00ad"])
def test_names_are_found_without_white_space_and_invisible_characters_around_them(around):
    items, _, report = read(f"{around}sku{around};name;{around}qty\nA1;Table;5\n")

    assert ({"A1": 5}, ["sku", "name", "qty"]) == (stock(items), report.columns)


TITLED = "Stock list;;\nof 26 November;;\n\nsku;name;qty\nA1;Table;5\n"


def test_rows_before_the_header_are_skipped_and_rows_go_on_being_counted():
    items, rejects, _ = read(TITLED, csvSkipRows=3)

    assert ({5: {"externalId": "A1", "name": "Table", "inventoryQuantity": 5}}, []) == (items, rejects)
    by_position = read(TITLED, csvSkipRows=4, csvHasHeader=False, mapping={"externalId": 1, "inventoryQuantity": 3})[0]
    assert {5: {"externalId": "A1", "inventoryQuantity": 5}} == by_position
    assert {"A1": 5} == stock(read(TITLED, csvSkipRows=3, mapping={"externalId": 1, "inventoryQuantity": 3})[0])


@pytest.mark.parametrize("text", [TITLED, TITLED.replace(";;", ""), "Our stock\n\n\nsku,name,qty\nA1,Table,5\n"])
def test_a_header_further_down_is_found(text):
    with pytest.raises(FormatError, match="the header seems to be row 4: set csvSkipRows to 3"):
        read(text)


@pytest.mark.parametrize("where", ["first", "last"])
def test_the_key_of_a_row_that_is_too_wide_is_looked_for_from_the_nearer_end(where):
    rows = ["sku,name,qty", "A1,Table,5", "A2,Screw 4,40,12", "A3,Chair,7"]
    if where == "last":
        rows = [",".join(reversed(row.split(","))) for row in rows]
    _, rejects, _ = read("\n".join(rows) + "\n")

    assert [(3, "A2", "columns")] == faults(rejects)
