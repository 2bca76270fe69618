"""SQL lives in named blocks in `.sql` files beside their users, each with a line of why; this loads a file of them.

`FEEDS = queries.load("feeds", beside=__file__)` has one coroutine a block (aiosql, asyncpg flavour):
`await FEEDS.feeds_of_edge(connection)`; the text of a block is `FEEDS.feeds_of_edge.sql`. A file is read when one of
its blocks is first asked for, not at import. What both sides of the queue run lies in `schemas/sql`.

A block that begins with `-- part: shown` is none: it is what several blocks behind it say as `{shown}`.
"""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import Any

import aiosql

_SHARED = Path(__file__).parent / "sql" / "any"
_BLOCK = re.compile(r"^(?=-- (?:part|name): )", re.MULTILINE)
_PART = "-- part: "


class Queries:
    """The blocks of one file, as attributes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def _blocks(self) -> Any:
        return aiosql.from_str(_with_parts(self._path.read_text()), "asyncpg", mandatory_parameters=False)

    def __getattr__(self, name: str) -> Any:
        """Return a block; raises AttributeError for a name that the file does not have."""
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._blocks, name)


def load(name: str, *, beside: str | Path = _SHARED) -> Queries:
    """Return the queries of `<name>.sql` in the folder of the module `beside`, or of `schemas/sql`."""
    return Queries(Path(beside).with_name(f"{name}.sql"))


def _with_parts(text: str) -> str:
    """Return the blocks of a file that are queries, with its parts where they are asked for."""
    blocks = _BLOCK.split(text)
    queries = "".join(block for block in blocks if not block.startswith(_PART))
    for part in (block.removeprefix(_PART) for block in blocks if block.startswith(_PART)):
        name, _, sql = part.partition("\n")
        queries = queries.replace(f"{{{name}}}", sql.strip())
    return queries
