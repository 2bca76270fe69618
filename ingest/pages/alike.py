"""Feeds whose mapping fits another file, so that it need not be mapped again. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from yarl import URL

from ingest.pages.drafting import CONSTANT, form_of

_MOST, _LEAST_COLUMNS = 3, 2


@dataclass(frozen=True, slots=True)
class Alike:
    """A feed that reads such a file; `there` of the `columns` that it maps are in this one, too."""

    feed_id: int
    name: str
    there: int
    columns: int
    same_vendor: bool


def alike(feeds: Sequence[Mapping[str, Any]], columns: Collection[str], vendors: Collection[int] = ()) -> list[Alike]:
    """Return the feeds (as the API shows them) that read a file of these columns, the one that maps most first.

    Every mapped column must be there; of a feed of one of the `vendors` (ids) half of them: the vendor's files differ
    less in what columns mean than in which they have.
    """
    found = []
    for feed in feeds:
        mapped = {column for read in _columns_of(feed.get("mapping") or {}).values() for column in read}
        there, same = len(mapped & set(columns)), feed.get("dropshipProviderId") in vendors
        if there >= _LEAST_COLUMNS and (mapped <= set(columns) or (same and 2 * there >= len(mapped))):
            found.append(Alike(feed["id"], feed["name"], there, len(mapped), same))
    return sorted(found, key=lambda one: (one.there < one.columns, not one.same_vendor, -one.there, -one.feed_id))[
        :_MOST
    ]


def fitting(mapping: Mapping[str, Any], columns: Collection[str]) -> tuple[dict[str, Any], list[str]]:
    """Return what of a mapping these columns are enough for, and the attributes that they are not enough for."""
    lacking = [name for name, read in _columns_of(mapping).items() if not read <= set(columns)]
    return {name: mapping[name] for name in mapping if name not in lacking}, lacking


def vendors_of(feeds: Sequence[Mapping[str, Any]], source: str) -> set[int]:
    """Return the vendors whose feeds are fetched from the server of this address; none of an upload."""
    host = _host(source)
    return {feed["dropshipProviderId"] for feed in feeds if host and _host(feed.get("resourceLocation")) == host}


def _columns_of(mapping: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return by attribute the columns that it is read from."""
    parts = {name: part for name, part in form_of(mapping).items() if part.used}
    return {name: {part.source, *part.more_sources} - {CONSTANT} for name, part in parts.items()}


def _host(address: str | None) -> str | None:
    try:
        return URL(address or "").host
    except ValueError:
        return None
