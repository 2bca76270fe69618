"""CSV files to items: encodings, delimiters, quotes, ragged rows, and what a reject says."""

import csv
import io
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.feeds.mapping import FormatSettings
from ingest.pull.parse import FormatError, parse

FEEDS = Path(__file__).parents[3] / "fixtures" / "feeds"


def csv_settings(**more):
    return FormatSettings.model_validate({"resourceType": "ftpCsv", **more})


def read(data, charset=None, **more):
    parsing = parse(io.BytesIO(data), csv_settings(**more), charset=charset)
    chunks = list(parsing)
    items = [item for chunk in chunks for item in chunk.items]
    rows = [row for chunk in chunks for row in chunk.rows]
    return items, rows, [reject for chunk in chunks for reject in chunk.rejects], parsing.report


@pytest.mark.parametrize("header", ["externalId,vendorSku", "external_id,VENDOR_SKU", "External ID,Vendor SKU"])
def test_columns_named_like_attributes_need_no_mapping(header):
    items, rows, rejects, report = read(header.encode() + b"\nA,1\n")

    assert ([{"externalId": "A", "vendorSku": "1"}], [2], []) == (items, rows, rejects)
    assert (True, 1, 1) == (report.complete, report.rows_read, report.rows_mapped)


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16-le"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("cp1252", "cp1252"),
    ],
)
def test_the_encoding_is_detected(encoding, found):
    items, _, _, report = read("externalId,name\nA,Stühle für 5 €\n".encode(encoding))

    assert [{"externalId": "A", "name": "Stühle für 5 €"}] == items
    assert found == report.encoding


def test_a_declared_charset_counts_when_the_bytes_are_not_utf8():
    text = "externalId,name\nA,Krzesło\n"

    assert "Krzesło" == read(text.encode("cp1250"), charset="windows-1250")[0][0]["name"]
    assert "Krzesło" == read(text.encode(), charset="iso-8859-1")[0][0]["name"]


def test_a_given_encoding_wins():
    assert "Стул" == read("externalId,name\nA,Стул\n".encode("cp1251"), encoding="windows-1251")[0][0]["name"]


def test_a_late_accent_decides_about_a_file_that_was_ascii_so_far():
    rows = "".join(f"{n},plain\n" for n in range(20_000))
    items, _, rejects, report = read(("externalId,name\n" + rows + "X,Stühle\n").encode("cp1252"))

    assert ("Stühle", [], "cp1252") == (items[-1]["name"], rejects, report.encoding)


def test_broken_utf8_in_one_row_rejects_that_row_alone():
    data = "externalId,name\nA,Stühle für Gäste\nB,".encode() + b"Gr\xfcn\n" + "C,Möbel\n".encode()
    items, _, (reject,), _ = read(data)

    assert ["A", "C"] == [item["externalId"] for item in items]
    assert (3, "B", "name", "encoding") == (reject.row, reject.external_id, reject.field, reject.code)
    assert "Gr\ufffdn" == reject.value


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_the_delimiter_and_the_line_ends_are_detected(delimiter, ending):
    lines = ["externalId,name,inventoryQuantity", 'A,"one, two; three",5', "B,x,6", ""]
    text = ending.join(line.replace(",", delimiter) for line in lines)
    items, rows, _, report = read(text.encode())

    assert (["A", "B"], [2, 3], delimiter) == ([item["externalId"] for item in items], rows, report.delimiter)


def test_a_decimal_comma_is_not_taken_for_a_delimiter():
    data = b"SKU;Price,EUR\nA1;1,50\nB2;2,25\n"
    items, _, _, report = read(data, decimalNotation="comma", mapping={"externalId": "SKU", "retailPrice": "Price,EUR"})

    assert ";" == report.delimiter
    assert [{"externalId": "A1", "retailPrice": "1.5"}, {"externalId": "B2", "retailPrice": "2.25"}] == items


def test_excels_own_first_line_names_the_delimiter():
    items, rows, _, _ = read(b"sep=|\nexternalId|name\nA|x;y\n")

    assert ([{"externalId": "A", "name": "x;y"}], [3]) == (items, rows)


def test_a_delimiter_that_cannot_be_told_is_an_error_that_says_so():
    with pytest.raises(FormatError, match="set the feed's delimiter"):
        read(b"one,two;three\nfour\nfive;six;seven\neight,nine,ten,eleven\n")


def test_quotes_hold_delimiters_and_newlines_and_rows_are_counted_like_a_spreadsheet():
    items, rows, _, _ = read(b'externalId,name\n"A","a ""b""\nc,d"\n\nB,e\n')

    assert (['a "b"\nc,d', "e"], [2, 4]) == ([item["name"] for item in items], rows)


def test_rows_that_do_not_match_the_header_are_rejected_with_their_rows_and_keys_whatever_their_last_cell():
    items, rows, rejects, _ = read(b"externalId,name\nA,a\nB,b\nC\nD,d,extra\nE,e,,\n")

    assert (["A"], [2]) == ([item["externalId"] for item in items], rows)
    # what stands before a short row may be half of a value: it is in doubt with it
    assert [(3, "B", None), (4, "C", "C"), (5, "D", "D,d,extra"), (6, "E", "E,e,,")] == [
        (r.row, r.external_id, r.value) for r in sorted(rejects, key=lambda reject: reject.row)
    ]
    assert {"columns"} == {r.code for r in rejects}


def test_a_stray_quote_costs_its_own_row_alone():
    items, _, (reject,), report = read(b'externalId,name\nA,a\nB,"b\nC,c\nD,d\n')

    assert (["A", "C", "D"], True) == ([item["externalId"] for item in items], report.complete)
    assert (3, "quote") == (reject.row, reject.code)


@pytest.mark.parametrize(("end", "good"), [('C,"c', 2), ("C", 1)])  # a short last row may be the half of B's name
def test_a_file_that_is_cut_off_is_not_complete(end, good):
    items, _, _, report = read(b"externalId,name\nA,a\nB,b\n" + end.encode())

    assert (good, False) == (len(items), report.complete)
    assert "4" in report.reason


def test_an_endless_value_is_refused_within_bounds():
    data = b"externalId,name\nA,a\nB," + b"x" * 3_000_000 + b"\nC,c\n"
    items, _, (reject,), _ = read(data)

    assert (["A", "C"], 3) == ([item["externalId"] for item in items], reject.row)


def test_zero_bytes_are_refused_in_values_and_harmless_elsewhere():
    items, _, (reject,), _ = read(b"externalId,name,x\nA,a,\0\nB,b\0b,1\n")

    assert (["A"], "name", "characters") == ([item["externalId"] for item in items], reject.field, reject.code)


def test_rejects_name_row_column_value_and_reason():
    items, _, rejects, report = read(
        b"Id;Preis;Bestand\nA;1.234,50;5\nB;12,50 EUR;5\nC;3.5;5\nD;1;some\n;1;1\n",
        decimalNotation="comma",
        mapping={"externalId": "Id", "retailPrice": "Preis", "inventoryQuantity": "Bestand"},
        badAttributes="rejectItem",
    )

    assert [{"externalId": "A", "inventoryQuantity": 5, "retailPrice": "1234.5"}] == items
    assert [
        (3, "B", "retailPrice", "Preis", "currency", "12,50 EUR"),
        (4, "C", "retailPrice", "Preis", "notation", "3.5"),
        (5, "D", "inventoryQuantity", "Bestand", "type", "some"),
        (6, None, "externalId", "Id", "required", None),
    ] == [(r.row, r.external_id, r.field, r.column, r.code, r.value) for r in rejects]
    assert (5, 1, 4) == (report.rows_read, report.rows_mapped, report.rows_rejected)


def test_an_empty_cell_keeps_the_stored_value_and_clears_when_told():
    mapping = {"externalId": "id", "name": "name", "retailPrice": {"path": "price", "whenEmpty": "clear"}}

    assert [{"externalId": "A", "retailPrice": None}] == read(b"id,name,price\nA,,\n", mapping=mapping)[0]


def test_a_file_without_a_header_is_mapped_by_position():
    items, rows, _, _ = read(b"A,5\nB,6\n", csvHasHeader=False, mapping={"externalId": 1, "inventoryQuantity": "2"})

    assert ([("A", 5), ("B", 6)], [1, 2]) == ([tuple(item.values()) for item in items], rows)


def test_a_column_that_is_not_there_is_an_error_that_lists_the_columns():
    with pytest.raises(FormatError, match=r"no column 'qty' for inventoryQuantity.*'id', 'stock'"):
        read(b"id,stock\nA,5\n", mapping={"externalId": "id", "inventoryQuantity": "qty"})


@pytest.mark.parametrize(
    ("data", "seen"),
    [(b"<!DOCTYPE html><html>", "HTML"), (b"<?xml version='1.0'?><a/>", "XML"), (b'[{"a": 1}]', "JSON")],
)
def test_another_format_is_called_by_its_name(data, seen):
    with pytest.raises(FormatError, match=f"expected CSV, got .*{seen}"):
        read(data)


def test_an_empty_file_has_no_rows():
    assert (0, True) == (read(b"")[3].rows_read, read(b"\n\n")[3].complete)


CELLS = st.text(st.sampled_from('aé€;,"\n\r \0x1'), max_size=6)


@given(
    rows=st.lists(st.lists(CELLS, min_size=1, max_size=3), max_size=8),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    cuts=st.lists(st.integers(0, 400), max_size=6),
)
def test_nothing_depends_on_how_the_bytes_arrive(in_pieces, rows, encoding, cuts):
    text = "externalId;name\n" + "\n".join(";".join(cells) for cells in rows)
    data = text.encode(encoding, "replace")
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    parts = [data[start:end] for start, end in pairwise(edges)]
    whole, pieces = (parse(source, csv_settings(delimiter=";")) for source in (io.BytesIO(data), in_pieces(parts)))

    assert list(whole) == list(pieces)
    assert whole.report == pieces.report


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_stretches_with_and_without_quotes_give_the_rows_of_a_plain_reader(ending):
    lines = ["externalId,vendorSku,name"]
    for number in range(6_000):
        name = f'"a, ""{number}""{ending}b"' if number % 2_000 == 17 else f"name {number}"
        lines.append(f"A{number},S{number % 7},{name}" if number % 750 != 749 else ",,")
    lines[4_500] = "short,row"
    text = ending.join(lines) + ending
    items, rows, rejects, report = read(text.encode())
    plain = list(csv.reader(io.StringIO(text, newline="")))

    doubtful, short = sorted(rejects, key=lambda reject: reject.row)
    assert (["A4498", "S4", "name 4498"], ["short", "row"]) == (plain[doubtful.row - 1], plain[short.row - 1])
    plain[doubtful.row - 1].pop()  # the short row may be the rest of that name
    assert [plain[row - 1] for row in rows] == [list(item.values()) for item in items]
    assert sum(len(row) >= 2 and any(row) for row in plain) - 2 == len(items)
    assert report.complete
