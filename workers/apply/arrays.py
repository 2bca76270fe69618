"""Postgres array literals, made a column at a time: https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO

asyncpg encodes an array element by element in 0.4 to 0.5 µs each; joining strings takes a fifth of that, Postgres reads
both equally fast, and a window has some twenty thousand elements. Long elements are better off with asyncpg.
"""

from __future__ import annotations

from collections.abc import Iterable

_SEPARATOR, _NULL = "\0,", "\0!"
"""Stand-ins until all else is escaped: no text that Postgres can hold has U+0000 in it."""


def numbers(values: Iterable[int | str | None]) -> str:
    """Return an array of integers, or of decimals in their canonical text; None is NULL."""
    return "{" + ",".join(map(str, values)).replace("None", "NULL") + "}"


def texts(values: Iterable[str | None]) -> str:
    """Return an array of texts; None is NULL."""
    listed = list(values)
    if not listed:
        return "{}"
    if None in listed:
        joined = _SEPARATOR.join([_NULL if value is None else value for value in listed])
    else:
        joined = _SEPARATOR.join(listed)  # type: ignore[arg-type]
    escaped = joined.replace("\\", "\\\\").replace('"', '\\"').replace(_SEPARATOR, '","')
    return ('{"' + escaped + '"}').replace('"' + _NULL + '"', "NULL")
