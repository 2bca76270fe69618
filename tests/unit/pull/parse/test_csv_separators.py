"""Columns separated by what is not tried by itself: the error says by what, and no name or value keeps a part of it."""

import io

import pytest

from ingest.feeds.mapping import FormatSettings
from ingest.pull.parse import FormatError, parse
from ingest.pull.parse.beginning import look

ROWS = [("sku", "name", "qty"), ("A1", "x, y", "1"), ("B2", "z; w", "2"), ("C3", "v", "3")]
MAPPING = {"externalId": "sku", "name": "name", "inventoryQuantity": "qty"}


def written(sign, rows=ROWS):
    return "".join(f"{sign.join(row)}\n" for row in rows).encode()


def read(data, **settings):
    form = FormatSettings.model_validate({"resourceType": "ftpCsv", "mapping": MAPPING, **settings})
    return [item for chunk in parse(io.BytesIO(data), form) for item in chunk.items]


def both(data, **settings):
    """Return what the run and the preview say of a file that cannot be read."""
    form = FormatSettings.model_validate({"resourceType": "ftpCsv", "mapping": MAPPING, **settings})
    with pytest.raises(FormatError) as caught:
        read(data, **settings)
    assert str(caught.value) == look(lambda: io.BytesIO(data), form, None, 5).error
    return str(caught.value)


@pytest.mark.parametrize("sign", ["^", "~", ":", "#", "\x01", "\x1f", "¦", "§", "@", "!", "*", "/"])
def test_a_separator_that_is_not_tried_is_named_and_can_be_set(sign):
    assert f"separated by {sign!r}: set the feed's delimiter" in both(written(sign))
    assert ["A1", "B2", "C3"] == [item["externalId"] for item in read(written(sign), delimiter=sign)]


@pytest.mark.parametrize("sign", [";", "\t", "|"])
def test_a_separator_that_was_set_wrongly_is_corrected(sign):
    plain = [tuple(cell.replace(";", "") for cell in row) for row in ROWS]

    assert f"separated by {sign!r}: set the feed's delimiter" in both(written(sign, plain), delimiter=",")


def test_without_a_header_it_is_found_by_the_rows():
    mapping = {"externalId": 1, "inventoryQuantity": 3}

    assert "separated by '^'" in both(written("^", ROWS[1:]), csvHasHeader=False, mapping=mapping)


@pytest.mark.parametrize("sign", ["^|^", "~|~", "*;*", "::", "  ", " "])
def test_separators_of_several_signs_are_named_and_never_left_on_names_and_values(sign):
    plain = [tuple(cell.replace(" ", "") for cell in row) for row in ROWS]

    assert f"separated by {sign!r}: ask the vendor" in both(written(sign, plain))


@pytest.mark.parametrize("sign", ["||", "|~|", ";;", " | ", "\t "])
def test_separators_whose_parts_are_columns_of_their_own_or_white_space_are_read(sign):
    plain = [tuple(cell.replace(";", "") for cell in row) for row in ROWS]

    assert [("A1", 1), ("B2", 2), ("C3", 3)] == [
        (item["externalId"], item["inventoryQuantity"]) for item in read(written(sign, plain))
    ]


@pytest.mark.parametrize("header", ["sku,(qty),name", "*sku,*qty,*name", "sku*,qty*,name*"])
def test_signs_on_one_side_of_names_are_no_part_of_a_separator(header):
    data = f"{header}\nA,1,x\n".encode()

    assert [{"externalId": "A", "inventoryQuantity": 1, "name": "x"}] == read(data)
