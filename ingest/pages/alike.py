"""Feeds whose mapping fits the columns of another file, so that it need not be mapped again. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingest.pages.drafting import CONSTANT, form_of

_MOST, _LEAST_COLUMNS = 3, 2


@dataclass(frozen=True, slots=True)
class Alike:
    """A feed that reads a file of the same columns; `columns` are those that it maps."""

    feed_id: int
    name: str
    columns: int


def alike(feeds: Sequence[Mapping[str, Any]], columns: Collection[str]) -> list[Alike]:
    """Return the feeds (as the API shows them) whose every mapped column is there, the one that maps most first."""
    found = []
    for feed in feeds:
        parts = [part for part in form_of(feed.get("mapping") or {}).values() if part.used]
        mapped = {part.source for part in parts if part.source != CONSTANT}
        if len(mapped) >= _LEAST_COLUMNS and mapped <= set(columns):
            found.append(Alike(feed["id"], feed["name"], len(mapped)))
    return sorted(found, key=lambda one: (-one.columns, -one.feed_id))[:_MOST]
