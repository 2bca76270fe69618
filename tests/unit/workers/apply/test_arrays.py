"""Array literals: what Postgres reads is what was written."""

import pytest

from workers.apply.arrays import numbers, texts


def test_numbers_are_integers_decimals_and_nulls():
    assert '{1,-2,null,"2.50"}' == numbers([1, -2, None, "2.50"])
    assert "{}" == numbers([])


def test_texts_are_quoted_and_escaped_and_null_is_not_the_text_null():
    assert r'{"a","","NULL",null,"\"\\,{}"}' == texts(["a", "", "NULL", None, '"\\,{}'])
    assert "{null,null}" == texts([None, None])
    assert "{}" == texts([])


def test_control_characters_stand_as_they_are_also_beside_what_looks_like_their_escapes():
    assert '{"\n",NULL,"\\\\n\\""}' == texts(["\n", None, '\\n"'])
    assert '{"\\\\n","\\\\\\"\\\\"}' == texts(["\\n", '\\"\\'])


@pytest.mark.parametrize("value", [1, True, ["a"], b"a"])
def test_what_is_no_text_is_none(value):
    with pytest.raises(TypeError, match="text is expected"):
        texts(["a", value])
