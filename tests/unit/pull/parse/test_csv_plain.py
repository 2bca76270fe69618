"""Rows that are split all at once are those of csv.reader; what is not plain is left to it."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.feeds.mapping import FormatSettings
from ingest.pull.parse import parse
from ingest.pull.parse.csv.dialect import Dialect
from ingest.pull.parse.csv.opening import open_rows
from ingest.pull.parse.csv.plain import columns_of
from ingest.pull.parse.csv.reader import Table
from ingest.pull.parse.source import Source
from ingest.pull.records import Report

CELL = st.sampled_from(
    ["", "a", "b c", '"a,b"', '" a"', '""', '"x ""y"""', ' "a"', "12", '"é;"', 'a"b', '"a"b', '"a\nb"']
)
LINE = st.lists(CELL, min_size=2, max_size=3).map(",".join) | st.text('a," ;', min_size=1, max_size=9)
TEXT = st.lists(LINE, min_size=1, max_size=6).map(lambda lines: "\n".join(lines) + "\n")
ENDS = st.lists(st.sampled_from(["\n", "\r\n", "\r"]), min_size=1, max_size=6) | st.just(["\r\n"])
MIXED = st.builds(
    lambda lines, ends: "".join(line + ends[at % len(ends)] for at, line in enumerate(lines)).rstrip("\r\n") + ends[-1],
    st.lists(LINE, min_size=1, max_size=6),
    ENDS.filter(lambda ends: ends[-1] != "\r"),
)


@given(TEXT | MIXED, st.sampled_from([2, 3]))
def test_what_is_split_at_once_is_what_csv_reader_gives(text, cells):
    columns = columns_of(text, ",", cells, quoted=True)
    if columns is None:
        return
    rows = [[cell.lstrip(" ") for cell in row] for row in zip(*columns, strict=True)]

    expected = list(Dialect(",").rows(io.StringIO(text, newline="")))
    assert [[cell.lstrip(" ") for cell in row] for row in expected] == rows


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ('a,b\n"c,d","e"\n', [["a", "c,d"], ["b", "e"]]),
        ('"",b\n', None),
        ('a,""\n', [["a"], [""]]),
        ('a,"b""c"\n', None),
        ('a,"b\nc"\n', None),
        ('a,"b\n', None),
        ('a, "b"\n', None),
        ('a,"b"c\n', None),
        ('a,"b,c"\nd,\x01\n', None),
        ("a,b\nc\n", None),
        ('a,"b"\r\nc,d\r\n', [["a", "c"], ["b", "d"]]),
        ("a,b\r\nc,d\n", [["a", "c"], ["b", "d"]]),
        ("a,b\rc,d\n", None),
        ('a,b\r\nc,"d\re"\r\n', None),
        ('a,"b"\rc,d\n', None),
        ("a," + "b" * (csv.field_size_limit() + 1) + "\n", None),
    ],
)
def test_only_whole_cells_in_quotes_are_plain(text, columns):
    assert columns == columns_of(text, ",", 2, quoted=True)


@pytest.mark.parametrize("bad", [1, 700, 1_400])
def test_a_stray_quote_far_behind_plain_ones_costs_its_rows_alone(bad):
    rows = [f'A{n},"name, {n}",{n}' for n in range(1_500)]
    rows[bad] = f'A{bad},"name, {bad},{bad}'
    data = "\r\n".join(["externalId,name,inventoryQuantity", *rows]) + "\r\n"

    chunks = list(parse(io.BytesIO(data.encode()), FormatSettings(resource_type="ftpCsv")))

    items = {item["externalId"]: item for chunk in chunks for item in chunk.items}
    assert {f"A{n}" for n in range(1_500)} - {f"A{bad}"} == items.keys() - {f"A{bad}"}
    assert all(items[f"A{n}"]["name"] == f"name, {n}" for n in range(1_500) if n != bad)
    assert [bad + 2] == [reject.row for chunk in chunks for reject in chunk.rejects]


@pytest.mark.parametrize("header", [True, False])
def test_the_first_rows_of_a_file_are_split_at_once_like_all_others(header):
    form = FormatSettings.model_validate({"resourceType": "ftpCsv", "csvHasHeader": header, "csvSkipRows": 1})
    data = b'title\nexternalId,name\nA,"x, y"\nB,z\n'

    reader = open_rows(Source.of(io.BytesIO(data)), form, Report(), None, bool).reader
    blocks = list(reader.blocks())

    assert all(isinstance(block.records, Table) for block in blocks)
    behind = [(3, ["A", "x, y"]), (4, ["B", "z"])]
    assert ([] if header else [(2, ["externalId", "name"])]) + behind == [
        pair for block in blocks for pair in zip(block.rows, block.records, strict=True)
    ]
