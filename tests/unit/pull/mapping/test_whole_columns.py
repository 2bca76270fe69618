"""What a column learns of many texts at once is what each of them is made alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.feeds.mapping import Expression
from ingest.pull.mapping.cells import Doubts
from ingest.pull.mapping.expressions import Origin, compile_column
from ingest.pull.mapping.whole_columns import Memories, decimals, whole_numbers
from schemas.columns import KINDS
from schemas.items import COLUMNS

NUMBER = st.from_regex(r"\A(?:0|[1-9]\d{0,9}|0\d{1,3})(?:\.\d{0,7})?\Z") | st.text("0123456789.,-+ \n'e", max_size=8)


def cell_of(attribute, notation, *, as_text):
    """Return the function of one value, in a file where all that may be read in two ways is doubtful."""
    origin = Origin(as_text, notation, Memories(), Doubts(lambda: KINDS))
    return compile_column(attribute, COLUMNS[attribute], Expression(path="x"), (0,), origin).cell


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
