"""Numbers: one reading or none; groups, signs, units, and what is said of each."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.numbers import NumberError, is_doubtful, is_of_the_other, plain_number

NARROW, WIDE = "\u202f", "\u00a0"


@pytest.mark.parametrize(
    ("text", "notation", "number"),
    [
        ("12", "decimal", "12"),
        ("12.0000", "decimal", "12.0000"),
        ("1,234", "decimal", "1234"),
        ("1,234,567.5", "decimal", "1234567.5"),
        (f"12{WIDE}500", "decimal", "12500"),
        (f"-12{NARROW}500.25", "decimal", "-12500.25"),
        ("1 234 567", "comma", "1234567"),
        ("1'234.50", "decimal", "1234.50"),
        ("1\u2019234,50", "comma", "1234.50"),
        ("1.234,50", "comma", "1234.50"),
        ("1.250", "comma", "1250"),
        ("0,125", "comma", "0.125"),
        (",5", "comma", ".5"),
        (".5", "decimal", ".5"),
        ("007", "decimal", "007"),
        ("12345678901234567890", "decimal", "12345678901234567890"),
        ("9007199254740993,5", "comma", "9007199254740993.5"),
    ],
)
def test_a_number_is_read_in_its_one_way(text, notation, number):
    assert number == plain_number(text, notation)


@pytest.mark.parametrize(
    ("text", "notation", "code", "words"),
    [
        ("0,125", "decimal", "notation", "groups of three"),
        ("00,500", "decimal", "notation", "groups of three"),
        ("0.125", "comma", "notation", "groups of three"),
        ("12,34,567", "decimal", "notation", "groups of three"),
        ("1,2345", "decimal", "notation", "decimal comma"),
        ("12,50", "decimal", "notation", "decimal comma"),
        ("1.234,50", "decimal", "notation", "decimal comma"),
        ("12.50", "comma", "notation", "decimal point"),
        ("1,234.50", "comma", "notation", "decimal point"),
        ("1,234 567", "decimal", "notation", "groups of three"),
        ("1 23", "decimal", "notation", "groups of three"),
        ("12-", "decimal", "number", "minus behind"),
        ("1.234,50-", "comma", "number", "minus behind"),
        ("(12.50)", "decimal", "number", "parentheses"),
        ("\uff11\uff12", "decimal", "number", "digits of another script"),
        ("1\u0662", "comma", "number", "digits of another script"),
        ("\u00bd", "decimal", "number", "a fraction"),
        ("1 \u00bd Stk", "decimal", "number", "a fraction"),
        ("\u22125", "decimal", "number", "another sign than the minus"),
        ("'12", "decimal", "number", "apostrophe"),
        ("12'", "decimal", "number", "apostrophe"),
        ("15%", "decimal", "number", "percent"),
        ("15 %", "decimal", "number", "percent"),
        ("12.50 EUR", "decimal", "currency", "currency sign or a unit"),
        ("\u20ac12.50", "decimal", "currency", "currency sign or a unit"),
        ("5 pcs", "decimal", "currency", "currency sign or a unit"),
        ("1.2E+12", "decimal", "number", "scientific"),
        ("4,00638E+12", "comma", "number", "scientific"),
        (">10", "decimal", "number", "not an exact number"),
        ("10+", "decimal", "number", "not an exact number"),
        ("5-10", "decimal", "number", "bare number"),
        ("1" * 61, "decimal", "number", "at most"),
    ],
)
def test_what_is_no_number_is_told_by_what_it_seems_to_be(text, notation, code, words):
    with pytest.raises(NumberError, match=re.escape(words)) as refused:
        plain_number(text, notation)

    assert code == refused.value.code


@pytest.mark.parametrize("text", ["In stock", "", "-", "N/A", "on request"])
def test_a_text_without_a_digit_is_left_to_others(text):
    assert plain_number(text, "decimal") is None


@given(st.integers(-(10**9), 10**9), st.sampled_from(["decimal", "comma"]), st.sampled_from([",", ".", " ", WIDE, "'"]))
def test_groups_of_three_are_read_whatever_separates_them_but_the_decimal_sign(number, notation, separator):
    text = f"{number:,}".replace(",", separator)
    sign = "." if notation == "decimal" else ","
    if separator != sign:
        assert number == int(plain_number(text, notation))


@given(st.text("0123456789.,' -+", max_size=9), st.sampled_from(["decimal", "comma"]))
def test_a_text_of_digits_is_one_number_or_none(text, notation):
    try:
        number = plain_number(text, notation)
    except NumberError:
        return
    if number is not None:
        marks = "." if notation == "decimal" else ","
        digits = re.sub(r"[^\d]", "", text)
        places = text.partition(marks)[2]
        assert digits == re.sub(r"[^\d]", "", number)
        assert len(re.sub(r"[^\d]", "", places)) == len(number.partition(".")[2])


def test_what_would_be_another_number_in_the_other_notation_is_doubtful_and_what_is_surely_of_it_is_known():
    assert is_doubtful("12,000", "decimal")
    assert is_doubtful("12.000", "comma")
    assert not is_doubtful("12,000.50", "decimal")
    assert not is_doubtful("1,234,000", "decimal")
    assert is_of_the_other("12,50", "decimal")
    assert not is_of_the_other("0,125", "decimal")
