"""Onport's conventions of lists, beside our own."""

import pytest
from aiohttp.test_utils import make_mocked_request

from ingest.api.framework.conventions import MAX_SKIP, PagingError, is_strict, plain_name, take_skip


@pytest.mark.parametrize(
    ("sent", "name"),
    [("where[vendorSku]", "vendorSku"), ("vendorSku", "vendorSku"), ("where[]", "where[]"), ("where[a][b]",) * 2],
)
def test_where_names_a_filter(sent, name):
    assert name == plain_name(sent)


@pytest.mark.parametrize(
    ("given", "skip"),
    [
        ({}, 0),
        ({"page": "1"}, 0),
        ({"page": "3"}, 100),
        ({"page": "3", "limit": "7"}, 14),
        ({"offset": "0"}, 0),
        ({"offset": "10000", "limit": "x"}, MAX_SKIP),
    ],
)
def test_pages_and_offsets_are_counted(given, skip):
    rest = {name: value for name, value in given.items() if name == "limit"}

    assert skip == take_skip(given)
    assert rest == given


@pytest.mark.parametrize(
    "given",
    [{"page": "0"}, {"page": "-1"}, {"page": "x"}, {"offset": "10001"}, {"page": "202"}, {"page": "1", "offset": "1"}],
)
def test_what_cannot_be_counted_to_is_refused(given):
    with pytest.raises(PagingError):
        take_skip(given)


@pytest.mark.parametrize(
    ("prefer", "strict"),
    [
        ("handling=strict", True),
        ("respond-async, handling=strict", True),
        ('Handling="strict"', True),
        ("handling=lenient", False),
        ("mishandling=strictly", False),
        ("", False),
    ],
)
def test_who_prefers_errors_says_so(prefer, strict):
    assert strict == is_strict(make_mocked_request("GET", "/", headers={"Prefer": prefer}))
