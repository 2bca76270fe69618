"""What can be the id of anything in a path."""

import pytest

from ingest.api.framework.operation import PATH_KINDS

ID = PATH_KINDS["id"]


@pytest.mark.parametrize(("text", "value"), [("1", 1), ("007", 7), ("9223372036854775807", 2**63 - 1)])
def test_an_id_is_a_whole_number_from_1_that_fits_into_a_column(text, value):
    assert value == ID.parse(text)


@pytest.mark.parametrize("text", ["0", "9223372036854775808", "9999999999999999999"])
def test_what_no_column_holds_is_the_id_of_nothing(text):
    assert ID.parse(text) is None
