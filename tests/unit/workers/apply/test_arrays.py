"""Array literals: what Postgres reads is what was written."""

from workers.apply.arrays import numbers, texts


def test_numbers_are_integers_decimals_and_nulls():
    assert "{1,-2,NULL,2.50}" == numbers([1, -2, None, "2.50"])
    assert "{}" == numbers([])


def test_texts_are_quoted_and_escaped_and_null_is_not_the_text_null():
    assert r'{"a","","NULL",NULL,"\"\\,{}"}' == texts(["a", "", "NULL", None, '"\\,{}'])
    assert "{NULL,NULL}" == texts([None, None])
    assert "{}" == texts([])
