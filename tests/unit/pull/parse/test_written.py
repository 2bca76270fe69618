"""Refused rows are kept as they stand in the file, of every format; the rest of the file costs nothing for it."""

import io

import pytest

from ingest.feeds.mapping import FormatSettings
from ingest.pull.parse import parse
from ingest.pull.parse.written import MAX_ROW_CHARACTERS, row_of_cells
from ingest.pull.records import MAX_ROWS_KEPT

STOCK = {"externalId": "sku", "inventoryQuantity": "qty"}


def kept(text, **form):
    settings = FormatSettings.model_validate({"resourceType": "ftpCsv", "mapping": STOCK, **form})
    rejects = [reject for chunk in parse(io.BytesIO(text.encode()), settings) for reject in chunk.rejects]
    return [(reject.row, reject.record) for reject in rejects]


@pytest.mark.parametrize(
    ("rows", "text", "form"),
    [
        ([(3, [("sku", "b"), ("qty", "soon"), ("note", "x, y")])], 'sku,qty,note\na,1,-\nb,soon,"x, y"\n', {}),
        (
            [(3, [("sku", "b"), ("qty", "2"), ("column 3", "3"), ("column 4", "4")])],
            "sku,qty\na,1\nb,2,3,4\nc,1\n",
            {},
        ),
        ([(3, [("sku", "b"), ("qty", "")])], "sku,qty\na,1\nb\nc,1\n", {}),
        (
            [(2, [("sku", "b"), ("qty", "soon"), ("tags[0]", "x")])],
            '[{"sku": "a", "qty": 1}, {"sku": "b", "qty": "soon", "tags": ["x", "y"]}]',
            {"resourceType": "api"},
        ),
        (
            [(2, [("@sku", "b"), ("qty", "soon")])],
            '<s><i sku="a"><qty>1</qty></i><i sku="b"><qty>soon</qty></i></s>',
            {"resourceType": "xml", "itemPath": "/s/i", "mapping": {**STOCK, "externalId": "@sku"}},
        ),
    ],
)
def test_a_refused_row_is_kept_as_it_stands_in_the_file(rows, text, form):
    assert rows == kept(text, **form)


def test_of_several_reasons_of_a_row_the_first_has_the_row():
    mapping = {**STOCK, "retailPrice": "price"}
    rejects = kept("sku,qty,price\na,soon,dear\nb,1,2\n", mapping=mapping, badAttributes="rejectItem")

    assert [(2, [("sku", "a"), ("qty", "soon"), ("price", "dear")]), (2, None)] == rejects


def test_the_first_rows_alone_are_kept():
    rows = "".join(f"{number},soon\n" for number in range(MAX_ROWS_KEPT + 10))

    assert MAX_ROWS_KEPT == sum(record is not None for _, record in kept("sku,qty\n" + rows))


def test_a_row_that_is_too_long_is_not_kept():
    assert row_of_cells(["x" * (MAX_ROW_CHARACTERS - 1)], ["a"]) is not None
    assert row_of_cells(["x" * MAX_ROW_CHARACTERS], ["a"]) is None
