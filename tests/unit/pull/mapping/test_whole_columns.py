"""What a column learns of many texts at once is what each of them is made alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.feeds.mapping import Expression
from ingest.pull.mapping.doubts import Doubts
from ingest.pull.mapping.expressions import Origin, compile_column
from ingest.pull.mapping.whole_columns import Memories, decimals, whole_numbers
from schemas.columns import KINDS
from schemas.items import COLUMNS

NUMBER = st.from_regex(r"\A(?:0|[1-9]\d{0,9}|0\d{1,3})(?:\.\d{0,7})?\Z") | st.text("0123456789.,-+ \n'e", max_size=8)


PLAIN = st.integers(-(10**10), 10**10).map(str) | st.from_regex(r"\A(?:0|[1-9]\d{0,9})\.\d{1,7}\Z")


def compiled(attribute, notation, *, as_text):
    """Return the attribute's column, in a file where all that may be read in two ways is doubtful."""
    origin = Origin(as_text, notation, Memories(), Doubts(lambda: KINDS))
    return compile_column(attribute, COLUMNS[attribute], Expression(path="x"), (0,), origin)


def cell_of(attribute, notation, *, as_text):
    """Return the function of one value."""
    return compiled(attribute, notation, as_text=as_text).cell


def made_of(make):
    """Return what a function gives, or that it gives nothing."""
    try:
        return make()
    except (ValueError, TypeError):
        return "refused"


@pytest.mark.parametrize("as_text", [True, False])
@given(texts=st.lists(NUMBER, max_size=60))
def test_numbers_learned_together_are_those_that_are_made_one_by_one(as_text, texts):
    price = cell_of("retailPrice", "decimal", as_text=as_text)
    for text, result in decimals(texts).items():
        assert price(text) == result
    for notation in ("decimal", "comma"):
        stock = cell_of("inventoryQuantity", notation, as_text=as_text)
        for text, result in whole_numbers(texts).items():
            assert stock(text) == result


def test_plain_numbers_are_learned_together_and_no_others():
    texts = ["12.50", "0", "7.00", "1.250", "1,5", "-3", "0.125", "007", "", "12\n13", "1234567890"]

    assert {"12.50": "12.5", "0": "0", "7.00": "7", "0.125": "0.125", "12": "12", "13": "13"} == decimals(texts)
    assert {"0": 0, "12": 12, "13": 13} == whole_numbers(texts)


@pytest.mark.parametrize("as_text", [True, False])
@pytest.mark.parametrize("notation", ["decimal", "comma"])
@pytest.mark.parametrize("attribute", ["inventoryQuantity", "retailPrice"])
@given(texts=st.lists(PLAIN, min_size=1, max_size=4) | st.lists(PLAIN | NUMBER, min_size=1, max_size=4))
def test_a_column_of_numbers_is_what_each_of_them_is_alone(attribute, notation, as_text, texts):
    column = compiled(attribute, notation, as_text=as_text)

    alone = made_of(lambda: [column.cell(text) for text in texts])

    assert alone == made_of(lambda: column.column((texts,), len(texts))[0])


@pytest.mark.parametrize(
    ("attribute", "texts", "made"),
    [
        ("inventoryQuantity", ["12", "0", " 7", "-3"], [12, 0, 7, -3]),
        ("inventoryQuantity", ["12", "1.0"], [12, 1]),
        ("retailPrice", ["12.5", "0.125", "1250.125", "7"], ["12.5", "0.125", "1250.125", "7"]),
        ("retailPrice", ["12.50", "7"], ["12.5", "7"]),
        ("inventoryQuantity", ["1,2"], "refused"),
        ("inventoryQuantity", ["1e3"], "refused"),
        ("inventoryQuantity", ["1", "2147483648"], "refused"),
        ("retailPrice", ["12.5", "1.250"], "refused"),
        ("retailPrice", ["1\n2"], "refused"),
    ],
)
def test_a_column_is_made_at_once_of_numbers_that_are_read_in_one_way(attribute, texts, made):
    column = compiled(attribute, "decimal", as_text=True)

    assert made == made_of(lambda: column.column((texts,), len(texts))[0])
