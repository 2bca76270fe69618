"""Conventions of lists that code written for Onport brings along, beside our own.

`where[vendorSku]=1` is `vendorSku=1`; `page` (from 1) or `offset` (from 0) count, where `after` goes on from a key. A
page that is counted to is read from the first one on, so counting ends at `MAX_SKIP`.
"""

from __future__ import annotations

import re
from typing import Final

from aiohttp import web

MAX_SKIP: Final = 10_000
DEFAULT_LIMIT: Final = 50
_WHERE = re.compile(r"where\[(\w+)\]", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,6}", re.ASCII)
_STRICT = re.compile(r"(^|[,;\s])handling\s*=\s*\"?strict\"?\s*($|[,;])", re.ASCII | re.IGNORECASE)


class PagingError(ValueError):
    """A page that cannot be counted to; `name` is the parameter, `value` what was sent."""

    def __init__(self, name: str, value: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.value = value


def plain_name(name: str) -> str:
    """Return the name of a filter without its `where[…]`."""
    match = _WHERE.fullmatch(name)
    return match[1] if match else name


def is_strict(request: web.Request) -> bool:
    """Return whether the sender prefers an error to a warning (RFC 7240)."""
    return any(_STRICT.search(value) for value in request.headers.getall("Prefer", ()))


def take_skip(given: dict[str, str]) -> int:
    """Return how many resources come before the page, and take `page` and `offset` out of what was given."""
    page, offset = given.pop("page", None), given.pop("offset", None)
    if page is not None and offset is not None:
        raise PagingError("page", page, "give page or offset, not both")
    if offset is not None:
        return _within("offset", offset, _number("offset", offset, 0))
    if page is None:
        return 0
    limit = given.get("limit", str(DEFAULT_LIMIT))
    size = int(limit) if _NUMBER.fullmatch(limit) else DEFAULT_LIMIT  # a wrong limit is told of by itself
    return _within("page", page, (_number("page", page, 1) - 1) * size)


def _number(name: str, value: str, least: int) -> int:
    if not _NUMBER.fullmatch(value) or int(value) < least:
        raise PagingError(name, value, f"expected a whole number from {least}")
    return int(value)


def _within(name: str, value: str, skip: int) -> int:
    if skip > MAX_SKIP:
        raise PagingError(
            name, value, f"counting ends at {MAX_SKIP:,} resources: follow the Link header, which costs nothing"
        )
    return skip
