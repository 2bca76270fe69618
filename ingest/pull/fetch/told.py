"""What the answers of an API tell of its pages: their numbers, how many there are, whether more follow, an error.

Such words excuse an odd end and put a smooth one in doubt; they never end the pages by themselves. Names are those that
public APIs use, in any case and with any signs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ingest.pull.fetch.http_rules import next_link
from ingest.pull.trouble import bare, error_among

NUMBERS = frozenset(("page", "currentpage", "pagenumber", "pageno"))
"""The number of a page itself."""
_PAGES = frozenset(
    (
        *("totalpages", "totalpage", "pagestotal", "pagecount", "pages", "numpages", "lastpage"),
        *("xtotalpages", "xwptotalpages"),
    )
)
_ITEMS = frozenset(
    (
        *("totalcount", "totalitems", "totalresults", "totalrecords", "totalelements", "totalrows", "totalhits"),
        *("totalsize", "recordcount", "recordstotal", "nbresults", "nbhits"),
        *("numfound", "xtotalcount", "xwptotal"),
    )
)
_TOTAL = "total"
"""May be of anything, but where pages are read."""
_MORE = frozenset(
    ("hasmore", "hasnext", "hasnextpage", "hasmorepages", "more", "moreresults", "truncated", "istruncated")
)
_LAST = frozenset(("last", "islast", "lastpage", "islastpage", "done", "complete", "iscomplete", "finished"))
"""Where false, more follow."""
_NEXT = frozenset(
    (
        *("next", "nextpage", "nexturl", "nextlink", "nextpageurl", "nextpagelink", "nextrecordsurl", "nextoffset"),
        *("nextpagetoken", "nexttoken", "nextcursor", "continuationtoken", "lastevaluatedkey"),
    )
)
_ADDRESS = frozenset(("href", "url", "uri", "link", "id"))
"""What stands in an object called `next`."""
_COUNTED = ("@odata.count", "__count", "total.value")
"""How OData and Elasticsearch call the number of all items."""
_OF_PAGES = frozenset(("offset", "limit", "perpage", "pagesize", "page", "skip", "take", "start"))
"""Beside these `total` is of items."""
_RELATION = re.compile(r"(.{0,200}\blinks?\[\d{1,3}\]\.)rel(?:ation)?", re.IGNORECASE)
_HEADERS = ("x-total-pages", "x-wp-totalpages", "x-total-count", "x-wp-total")


@dataclass(frozen=True, slots=True)
class Told:
    """What one answer tells; None for what it does not. `next` and `error` name the field that tells of one; `total` is
    a number of items, or of something else.
    """

    pages: int | None = None
    items: int | None = None
    total: int | None = None
    more: bool | None = None
    next: str | None = None
    error: str | None = None

    @classmethod
    def of(cls, fields: Mapping[str, Any], headers: Mapping[str, str]) -> Told:
        """Return what the fields outside the items (path → value) and the headers of an answer tell."""
        given = {**{name: headers[name] for name in _HEADERS if name in headers}, **fields}
        counts = [
            (_counted(path, given), count) for path, value in given.items() if (count := _count(value)) is not None
        ]
        more = {
            v if name in _MORE else not v for name, v in _truths(fields) if name in _MORE or (name in _LAST and not v)
        }
        following = [path for path, value in fields.items() if _names_next(path, value, fields)]
        return cls(
            pages=next((count for name, count in counts if name in _PAGES), None),
            items=next((count for name, count in counts if name in _ITEMS), None),
            total=next((count for name, count in counts if name == _TOTAL), None),
            more=any(more) if more else None,
            next="Link" if next_link(headers.get("link", "")) else next(iter(following), None),
            error=error_among(fields.items()),
        )

    def is_end(self, pages: int, items: int) -> bool:
        """Return whether so many pages, with so many items, are all that there are."""
        return self.more is False or self.pages == pages or items in (self.items, self.total)

    def lacks(self, pages: int, items: int) -> str | None:
        """Return what is missing if so many pages, with so many items, came; None for nothing."""
        if self.more:
            return "the last page that came says that more follow"
        if self.pages is not None and self.pages > pages:
            return f"the API tells of {self.pages:,} pages, and {pages:,} came"
        told = self.total if self.items is None else self.items
        if told is not None and told > items:
            return f"the API tells of {told:,} items in all, and {items:,} came"
        return None

    def lacks_alone(self, items: int) -> str | None:
        """Return why a file with so many items that is read without pages may be but one of several."""
        if self.error is not None:
            return f"the answer has a field {self.error}"
        said = f"the answer names a next page ({self.next})" if self.next else replace(self, total=None).lacks(1, items)
        return said and f"{said}: set the feed's pagination"

    def lacks_pages(self, items: int | None = None) -> str | None:
        """Return why a file that is no JSON may be but the first of several pages: an answer's headers say so, or what
        stands beside so many items of XML.
        """
        if self.next is not None:
            return f"the answer names a next page ({self.next}), and only JSON is read page by page"
        if self.pages is not None and self.pages > 1:
            return f"the answer tells of {self.pages:,} pages, and only JSON is read page by page"
        lacking = None if items is None else replace(self, total=None, pages=None).lacks(1, items)
        return lacking and f"{lacking}; only JSON is read page by page"


def _truths(fields: Mapping[str, Any]) -> list[tuple[str, bool]]:
    return [(_last(path), value) for path, value in fields.items() if value.__class__ is bool]


def _counted(path: str, given: Mapping[str, Any]) -> str:
    """Return the name of a count: `total` and others that are surely of items as `totalitems`."""
    name = _last(path)
    if path.lower().endswith(_COUNTED):
        return "totalitems"
    if name == _TOTAL:
        around = path[: -len(name)]
        if any(bare(other[len(around) :]) in _OF_PAGES for other in given if other.startswith(around)):
            return "totalitems"
    return name


def _names_next(path: str, value: Any, fields: Mapping[str, Any]) -> bool:
    """Return whether a field names a next page: by address, cursor or number, or as one of several links."""
    is_named = bool(value) and (value.__class__ is str or (value.__class__ is int and value > 0))
    relation = _RELATION.fullmatch(path)
    if relation is not None:
        return value == "next" and any(fields.get(f"{relation[1]}{name}") for name in ("href", "url"))
    *around, last = map(bare, path.split("."))
    before = around[-1] if around else ""
    return is_named and "[" not in path and (last in _NEXT or (last in _ADDRESS and before in _NEXT))


def _last(path: str) -> str:
    return bare(path.rpartition(".")[2])


def _count(value: Any) -> int | None:
    if value.__class__ is int:
        return int(value)
    return int(value) if value.__class__ is str and value.isdecimal() and len(value) < 10 else None  # noqa: PLR2004
