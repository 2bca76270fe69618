"""Receipts as stored: what is simply unchanged takes no line, and comes back as one."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st

from schemas import receipts

LINES = st.lists(st.sampled_from(["unchanged", "rejected", "created"]), max_size=60)


def line(index, outcome):
    return {"index": index, "externalId": f"SKU-{index}", "outcome": outcome}


@given(LINES)
def test_the_lines_come_back_in_their_order(outcomes):
    lines = [line(index, outcome) for index, outcome in enumerate(outcomes) if outcome != "created"]
    unchanged = [one["index"] for one in lines if one["outcome"] == "unchanged"]
    others = [one for one in lines if one["outcome"] != "unchanged"]

    stored = receipts.encode(others, unchanged, [f"SKU-{index}" for index in unchanged])

    assert lines == receipts.decode(stored)
    assert all(receipts.needle(one["externalId"]) in stored for one in lines)


def test_a_receipt_of_unchanged_items_takes_less_than_a_third_of_its_lines():
    lines = [line(index, "unchanged") for index in range(50)]

    stored = receipts.encode([], range(50), [one["externalId"] for one in lines])

    assert len(orjson.dumps(lines)) > 3 * len(stored)
    assert {"unchanged": [[0, 49]], "ids": [one["externalId"] for one in lines], "lines": []} == orjson.loads(stored)


def test_receipts_that_were_written_as_lines_alone_are_read():
    lines = [line(0, "unchanged"), {**line(3, "rejected"), "code": "value"}]

    assert lines == receipts.decode(orjson.dumps(lines))


def test_what_is_wrong_with_a_post_as_a_whole_comes_first():
    whole = {"index": None, "externalId": None, "outcome": "rejected"}

    assert [whole, line(0, "unchanged")] == receipts.decode(receipts.encode([whole], [0], ["SKU-0"]))
