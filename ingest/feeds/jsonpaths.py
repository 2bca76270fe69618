"""The JSON paths that feeds may use: names, positions, and `[*]` for every element; a small part of RFC 9535.

    $.data.products[*]      prices[0].amount      ['odd name'].value      images[*].src      ^.title

`$` is optional. In an attribute's path `^` is the object that encloses the item one `[*]` further out, so that a
product's title reaches its variants.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MAX_LENGTH, MAX_STEPS = 300, 20
_STEP = re.compile(
    r"""\.?(?P<name>[^.\[\]'"*^$\s][^.\[\]'"*]*)
      | \[(?P<index>\d{1,6})\]
      | \.?(?P<star>\[\*\]|\*(?![^.\[]))
      | \[(?P<quote>['"])(?P<quoted>[^'"]+)(?P=quote)\]""",
    re.VERBOSE,
)


class _Star:
    def __repr__(self) -> str:
        return "[*]"


STAR: Final = _Star()
Step = str | int | _Star


@dataclass(frozen=True, slots=True)
class JsonPath:
    """`up` is the number of `^`; each step is a name, a position from 0, or `STAR`."""

    up: int
    steps: tuple[Step, ...]


def json_path(text: str) -> JsonPath:
    """Parse a path; raises ValueError that says where it is wrong."""
    if not 0 < len(text) <= MAX_LENGTH:
        raise ValueError(f"expected a JSON path of 1 to {MAX_LENGTH} characters")
    rest = text.strip()
    up = len(rest) - len(rest.lstrip("^"))
    rest = rest[up:]
    if up == 0 and rest.startswith("$"):
        rest = rest[1:]
    steps: list[Step] = []
    position = 0
    while position < len(rest):
        found = _STEP.match(rest, position)
        joined = found is not None and (position == 0 or rest[position] in ".[")
        if found is None or not joined:
            raise ValueError(f"not a JSON path: {text!r} is not understood at {rest[position : position + 20]!r}")
        position = found.end()
        if found["star"]:
            steps.append(STAR)
        elif found["index"]:
            steps.append(int(found["index"]))
        else:
            steps.append(found["name"] or found["quoted"])
    if len(steps) > MAX_STEPS:
        raise ValueError(f"a JSON path has at most {MAX_STEPS} steps")
    return JsonPath(up, tuple(steps))
