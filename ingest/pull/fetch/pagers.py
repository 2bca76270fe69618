"""What leads from one page of an API to the next, and what ends them; serves one run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, Protocol, cast
from urllib.parse import quote, unquote_plus

from yarl import URL

from ingest.feeds.locations import masked
from ingest.feeds.pagination import Pagination
from ingest.pull.fetch.errors import FetchCode, FetchError
from ingest.pull.fetch.http_rules import next_link
from ingest.pull.fetch.request import Fetched
from ingest.pull.fetch.told import NUMBERS, Told
from ingest.pull.trouble import STATES, bare, refuses
from schemas.errors import Rejected

_REFUSALS = frozenset((FetchCode.NOT_FOUND, FetchCode.REFUSED, FetchCode.PROTOCOL))
"""What servers answer to a page behind the last one: 404, 400, 422, 204."""


_ROUND = 5
"""Servers limit their pages to round numbers."""


@dataclass(slots=True)
class Page:
    """One page. `number` counts from 0.

    The consumer sets `fields` (path → value), `items` (how many), their `digest`, and `rows`, of which an item of a
    nested path may give several, before it goes on.
    """

    number: int
    fetched: Fetched
    address: URL = field(repr=False)
    fields: dict[str, Any] = field(default_factory=dict)
    items: int = 0
    digest: str = ""
    rows: int = 0


class Pager(Protocol):
    """Where the next page is; serves one run. A page is given to `repeats` first, then to `next`."""

    def repeats(self, page: Page) -> bool:
        """Return whether a page is but one of those before it once more, for want of another: it is to be forgotten."""

    def next(self, page: Page) -> str | None:
        """Return the address of the next page, absolute or relative to this one's; None after the last."""

    def is_end(self, refusal: FetchCode | None = None) -> bool:
        """Return whether no next page, for which a server had this answer, is the end; None: it was read already."""

    def lacks(self) -> str | None:
        """Return why the pages that came may not be all of them; None for no reason."""


def next_by(pagination: Pagination) -> Pager:
    """Return what a feed's pagination describes."""
    return _Counted(pagination) if pagination.by == "page" else _Named(pagination)


class _Pager(ABC):
    """What all pagers know: the pages that were kept, and what the last one told."""

    def __init__(self, pagination: Pagination) -> None:
        self._pagination = pagination
        self._digests: set[str] = set()
        self._pages = self._items = self._rows = 0
        self._last: Page | None = None
        self._told = Told()
        self._error: str | None = None

    def repeats(self, page: Page) -> bool:
        """See `Pager`. Raises `FetchError` for a page that leads nowhere, or has an error instead of items."""
        told = Told.of(page.fields, page.fetched.headers)
        if told.error is not None:
            self._error = f"page {page.number + 1} has a field {told.error}"
            if not page.items:
                raise FetchError(FetchCode.PAGES_BROKEN, f"{self._error} and no items")
        elif not page.items and self._last is not None and not self.is_end():
            self._refuse_other_state(page, self._last)
        again = bool(page.items and page.digest) and (page.digest in self._digests or self._echoes(page))
        if again:
            return self._over(page)
        self._digests.add(page.digest)
        self._pages, self._items, self._rows = self._pages + 1, self._items + page.items, self._rows + page.rows
        self._told, self._last = told, page
        return False

    def _refuse_other_state(self, page: Page, before: Page) -> None:
        """Raise for a page without items that says why, be it by another code than the pages with some."""
        for path, value in page.fields.items():
            was = before.fields.get(path)
            is_state = bare(path.rpartition(".")[2]) in STATES and "[" not in path and was is not None
            if was != value and (is_state or refuses(path, value)):
                said = f"page {page.number + 1} has no items, and its {path} is {repr(value)[:80]}"
                raise FetchError(FetchCode.PAGES_BROKEN, said if was is None else f"{said} instead of {repr(was)[:80]}")

    def lacks(self) -> str | None:
        return self._error or self._told.lacks(self._pages, max(self._items, self._rows))

    def is_end(self, refusal: FetchCode | None = None) -> bool:
        return refusal in (None, *_REFUSALS) and self._told.is_end(self._pages, self._items)

    def _echoes(self, page: Page) -> bool:  # noqa: ARG002 - for pages that are counted
        """Return whether a page says itself that it is the one before it."""
        return False

    @abstractmethod
    def _over(self, page: Page) -> bool:
        """Deal with a page that repeats another."""


class _Named(_Pager):
    """Pages that the server names: by a link, an address or a cursor in the answer."""

    def _over(self, page: Page) -> bool:
        if self.is_end():  # it had said so
            self._last = None
            return True
        raise FetchError(FetchCode.PAGES_LOOP, f"{masked(str(page.address))} has the items of a page before it")

    def next(self, page: Page) -> str | None:
        """See `Pager`. Raises `Rejected` when the pagination's path leads to what is no address and no cursor."""
        if self._last is not page:
            return None
        if self._pagination.by == "link":
            return next_link(page.fetched.headers.get("link", ""))
        path = cast(str, self._pagination.path)
        value = page.fields.get(path)
        if value is None or isinstance(value, bool) or value == "":
            self._refuse_container(path, page)
            return None
        parameter = self._pagination.parameter
        return str(value) if parameter is None else with_parameter(str(page.address), parameter, str(value))

    def _refuse_container(self, path: str, page: Page) -> None:
        inner = [name for name in page.fields if name.startswith((f"{path}.", f"{path}["))]
        if path not in page.fields and inner:
            raise Rejected(
                f"the feed's pagination: at {path} of page {page.number + 1} is no value, but {', '.join(inner[:5])}: "
                "set path to one of them"
            )


class _Counted(_Pager):
    """Pages by number: the end is a page without items, 404, or one that a server repeats for want of more."""

    def __init__(self, pagination: Pagination) -> None:
        super().__init__(pagination)
        self._first = (1 if pagination.step == 1 else 0) if pagination.first is None else pagination.first
        self._ended = False
        self._sizes: list[int] = []

    def repeats(self, page: Page) -> bool:
        if page.number == 0:
            asked = parameter_of(str(page.address), cast(str, self._pagination.parameter))
            self._first = int(asked) if asked is not None and asked.isdecimal() else self._first
        again = super().repeats(page)
        if not again and page.items:
            self._sizes.append(page.items)
        return again

    def lacks(self) -> str | None:
        return super().lacks() or self._left_out()

    def _left_out(self) -> str | None:
        """Return why items between the pages may be left out: a server that gives 50 at once, say, is asked for each
        hundredth.

        Pages that a server filters are smaller than the step, too, but not all by the same.
        """
        step, before_last = self._pagination.step, self._sizes[:-1]
        if step == 1 or not before_last or self._told.is_end(self._pages, self._items):
            return None
        size = before_last[0]
        if size >= step or size % _ROUND or set(before_last) != {size}:
            return None
        return (
            f"each page has {size} items, and the next one begins {step} behind it: set the pagination's step to {size}"
        )

    def _over(self, page: Page) -> bool:  # noqa: ARG002 - see `_Named`
        self._ended = True
        return True

    def next(self, page: Page) -> str | None:
        if self._ended or not page.items:
            return None
        parameter = cast(str, self._pagination.parameter)
        return with_parameter(str(page.address), parameter, str(self._asked(page) + self._pagination.step))

    def is_end(self, refusal: FetchCode | None = None) -> bool:
        behind_items = self._last is not None and self._last.items > 0
        return behind_items and (refusal is FetchCode.NOT_FOUND or super().is_end(refusal))

    def _asked(self, page: Page) -> int:
        return self._first + page.number * self._pagination.step

    def _echoes(self, page: Page) -> bool:
        """Return whether a field that told the last page's number tells the same number for this one."""
        last = self._last
        if last is None:
            return False
        names = {bare(cast(str, self._pagination.parameter)), *NUMBERS}
        for path, value in page.fields.items():
            if bare(path.rpartition(".")[2]) in names and last.fields.get(path) == value:
                told = str(value)
                if told == str(self._asked(last)) and told != str(self._asked(page)):
                    return True
        return False


def parameter_of(address: str, name: str) -> str | None:
    """Return the value of a query parameter; None where it is not given."""
    query = address.partition("#")[0].partition("?")[2]
    pairs = (pair.partition("=") for pair in query.split("&"))
    return next((unquote_plus(value) for key, _, value in pairs if unquote_plus(key) == name), None)


def with_parameter(address: str, name: str, value: str) -> str:
    """Return an address with a query parameter set; all else of it stays as it was written, byte for byte."""
    before, hash_, fragment = address.partition("#")
    base, mark, query = before.partition("?")
    pair = f"{quote(name, safe='$')}={quote(value, safe='')}"
    pairs = query.split("&") if mark else []
    places = [place for place, old in enumerate(pairs) if unquote_plus(old.partition("=")[0]) == name]
    if places:
        pairs[places[0]] = pair
        pairs = [old for place, old in enumerate(pairs) if place not in places[1:]]
    else:
        pairs.append(pair)
    return f"{base}?{'&'.join(pairs)}{hash_}{fragment}"
