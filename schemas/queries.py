"""SQL lives in named blocks in `schemas/sql/*.sql`, each with a line of why; this loads a file of them.

`queries.load("feeds")` returns an object with one coroutine a block (aiosql, asyncpg flavour):
`await FEEDS.feeds_of_edge(connection)`; the text of a block is `FEEDS.feeds_of_edge.sql`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiosql

_FOLDER = Path(__file__).parent / "sql"


def load(name: str) -> Any:
    """Return the queries of `schemas/sql/<name>.sql`."""
    return aiosql.from_path(_FOLDER / f"{name}.sql", "asyncpg", mandatory_parameters=False)
