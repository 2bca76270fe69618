"""How the items of a receipt are stored: what is worth a line as a line, what is simply unchanged as ranges. Pure.

Most items of most batches change nothing: fifty lines of them are 3 kB, their external ids alone a fifth of that.
Stored is a JSON array of lines, or, where items are simply unchanged, an object:

    {"unchanged": [[first index, last index], …], "ids": [external id, …], "lines": [line, …]}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from schemas.outcomes import Outcome

_UNCHANGED = Outcome.UNCHANGED.value


def encode(lines: Sequence[dict[str, Any]], unchanged: Sequence[int], ids: Sequence[str]) -> bytes:
    """Return the items of a receipt as stored; `unchanged` are the indexes of `ids`, ascending."""
    if not unchanged:
        return orjson.dumps(lines)
    return orjson.dumps({"unchanged": _ranges(unchanged), "ids": ids, "lines": lines})


def decode(stored: bytes) -> list[dict[str, Any]]:
    """Return the lines of a receipt, by their index: `index`, `externalId`, `outcome` and what else there is to say."""
    items = orjson.loads(stored)
    if isinstance(items, list):
        return items
    indexes = (index for first, last in items["unchanged"] for index in range(first, last + 1))
    lines: list[dict[str, Any]] = items["lines"]
    lines += [
        {"index": index, "externalId": external_id, "outcome": _UNCHANGED}
        for index, external_id in zip(indexes, items["ids"], strict=True)
    ]
    lines.sort(key=place)
    return lines


def needle(external_id: str) -> bytes:
    """Return the bytes that every stored receipt holds that names an item; some that hold them name none."""
    return orjson.dumps(external_id)


def place(line: dict[str, Any]) -> int:
    """Return where a line stands among the others; what is wrong with a post as a whole comes first."""
    index = line["index"]
    return index if isinstance(index, int) else -1


def _ranges(indexes: Sequence[int]) -> list[list[int]]:
    first, last = indexes[0], indexes[-1]
    if indexes == list(range(first, last + 1)):  # as nearly always
        return [[first, last]]
    ranges: list[list[int]] = []
    for index in indexes:
        if ranges and ranges[-1][1] == index - 1:
            ranges[-1][1] = index
        else:
            ranges.append([index, index])
    return ranges
