"""Which SKUs are looked for when no rule connects a feed variant."""

import pytest

from ingest.feeds.candidates import OTHER_CASE, SAME, reason_of, ways


@pytest.mark.parametrize(
    ("sku", "external_id", "expected"),
    [
        ("AB12", "AB12", {"ab12": OTHER_CASE}),
        ("ACME-4711", "4711", {"acme-4711": OTHER_CASE, "4711": "SKU after the prefix “ACME-”"}),
        ("A_B_4711", "x", {
            "a_b_4711": OTHER_CASE, "b_4711": "SKU after the prefix “A_”", "4711": "SKU after the prefix “A_B_”",
            "x": "its externalId is the SKU",
        }),
        ("00123", "00123", {"00123": OTHER_CASE, "123": "SKU without leading zeros"}),
        ("-77", "-77", {"-77": OTHER_CASE}),  # neither is there a prefix, nor is what is left long enough
        (None, "E-1000", {"e-1000": "its externalId is the SKU", "1000": "externalId after the prefix “E-”"}),
    ],
)  # fmt: skip
def test_a_key_is_looked_for_whole_after_each_prefix_and_without_zeros(sku, external_id, expected):
    assert expected == {way.key: way.reason for way in ways(sku, external_id)}


def test_of_a_long_key_few_parts_are_looked_for():
    assert 5 == len(ways("-".join(["abc"] * 80), "abc"))


def test_the_same_spelling_is_told_from_another_case():
    (way,) = ways("AB12", "AB12")
    assert (SAME, OTHER_CASE) == (reason_of(way, "AB12", "AB12"), reason_of(way, "AB12", "ab12"))
