"""The pages of a JSON API, one after the other, each fetched in the same guarded way.

    pager = next_by(pagination)
    async for page in pages(request, pager, context):
        report = ...parse page.fetched...
        page.fields, page.items, page.digest = report.page_fields, report.rows_read, ...
        page.fetched.discard()

What names the next page stands in the page itself, so it is asked for only when the consumer has come back with what it
read: a page is parsed once.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, cast
from urllib.parse import quote, unquote_plus

from aiohttp import ClientSession
from yarl import URL

from ingest.feeds.locations import masked
from ingest.feeds.pagination import Pagination
from ingest.pull.fetch.errors import FetchCode, FetchError
from ingest.pull.fetch.http import HttpSource, http_session
from ingest.pull.fetch.http_rules import headers_for, keeps_credentials, next_hop, next_link
from ingest.pull.fetch.request import FetchContext, Fetched, FetchRequest, Validators
from ingest.pull.fetch.transfer import in_time, spooled

_PAGE_FIELDS = ("page", "currentpage", "pagenumber", "pageno")
"""What APIs call the number of a page in their answers, bare of anything but letters."""
_NO_LETTERS = re.compile(r"[^A-Za-z]")


@dataclass(slots=True)
class Page:
    """One page. `number` counts from 0.

    The consumer sets `fields` (path → value), `items` (how many) and their `digest` before it goes on.
    """

    number: int
    fetched: Fetched
    address: URL = field(repr=False)
    fields: dict[str, Any] = field(default_factory=dict)
    items: int = 0
    digest: str = ""


class Pager(Protocol):
    """Where the next page is; serves one run."""

    ends_with_404: bool
    """Whether 404 behind a page with items is an end: the server did not name that page, we did."""

    def repeats(self, page: Page) -> bool:
        """Return whether a page is but the one before it once more, for want of another: it is to be forgotten."""

    def next(self, page: Page) -> str | None:
        """Return the address of the next page, absolute or relative to this one's; None after the last."""


async def pages(request: FetchRequest, pager: Pager, context: FetchContext) -> AsyncIterator[Page]:
    """Yield the pages of an API. The spool file of each is the consumer's to delete.

    The limits on bytes and time (of fetching, not of reading) are those of one file, for all pages together. Validators
    are not sent: an unchanged first page says nothing of the others. Close the iterator (`contextlib.aclosing`) when
    leaving early. Raises `FetchError` and `FetchUnavailable`.
    """
    location = request.place()
    if location.is_ftp:
        raise FetchError(FetchCode.LOCATION, f"{location.shown} is not HTTP, so it has no pages")
    request = replace(request, validators=Validators())
    url, credentials = location.http_url(), headers_for(request)
    protected = bool(credentials)
    seen: set[URL] = set()
    page: Page | None = None
    async with http_session(context) as session:
        for number in range(context.limits.max_pages):
            seen.add(url)
            try:
                fetched, address, context = await _page(session, request, url, credentials, context)
            except FetchError as error:
                if error.code is FetchCode.NOT_FOUND and page is not None and page.items and pager.ends_with_404:
                    return
                raise
            page = Page(number, fetched, address)
            yield page
            target = pager.next(page)
            if target is None:
                return
            hop = next_hop(address, target, with_credentials=protected)
            if hop in seen:
                raise FetchError(FetchCode.PAGES_LOOP, f"{masked(str(address))} names a page that was already read")
            if not (keeps_credentials(url, hop) and keeps_credentials(url, address)):
                credentials = {}
            url = hop
    raise FetchError(FetchCode.PAGES_LIMIT, f"{location.shown} has more than {context.limits.max_pages:,} pages")


def next_by(pagination: Pagination) -> Pager:
    """Return what a feed's pagination describes."""
    return _Counted(pagination) if pagination.by == "page" else _Named(pagination)


class _Named:
    """Pages that the server names: by a link, an address or a cursor in the answer."""

    ends_with_404 = False

    def __init__(self, pagination: Pagination) -> None:
        self._pagination = pagination
        self._last: str | None = None

    def repeats(self, page: Page) -> bool:
        """Return False; a server that gives the same items under a new name leads nowhere, and that is an error."""
        if page.items and page.digest and page.digest == self._last:
            raise FetchError(FetchCode.PAGES_LOOP, f"{masked(str(page.address))} has the items of the page before it")
        self._last = page.digest
        return False

    def next(self, page: Page) -> str | None:
        if self._pagination.by == "link":
            return next_link(page.fetched.headers.get("link", ""))
        value = page.fields.get(cast(str, self._pagination.path))
        if value is None or isinstance(value, bool) or value == "":
            return None
        parameter = self._pagination.parameter
        return str(value) if parameter is None else with_parameter(str(page.address), parameter, str(value))


class _Counted:
    """Pages by number: the end is a page without items, 404, or one that a server repeats for want of more."""

    ends_with_404 = True

    def __init__(self, pagination: Pagination) -> None:
        self._pagination = pagination
        self._last: Page | None = None
        self._over = False

    def repeats(self, page: Page) -> bool:
        """Return whether it has the items of the last page, or says itself that it is the last one."""
        last, self._last = self._last, page
        if last is not None and page.items:
            self._over = page.digest == last.digest or self._says(last, page)
        return self._over

    def next(self, page: Page) -> str | None:
        if self._over or not page.items:
            return None
        parameter = cast(str, self._pagination.parameter)
        return with_parameter(str(page.address), parameter, str(self._asked(page) + self._pagination.step))

    def _asked(self, page: Page) -> int:
        return self._pagination.first + page.number * self._pagination.step

    def _says(self, last: Page, page: Page) -> bool:
        """Return whether a field that told the last page's number tells the same number for this one."""
        names = {_bare(cast(str, self._pagination.parameter)), *_PAGE_FIELDS}
        for path, value in page.fields.items():
            if _bare(path.rpartition(".")[2]) in names and last.fields.get(path) == value:
                told = str(value)
                if told == str(self._asked(last)) and told != str(self._asked(page)):
                    return True
        return False


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


def _bare(name: str) -> str:
    return _NO_LETTERS.sub("", name).lower()


async def _page(
    session: ClientSession, request: FetchRequest, url: URL, credentials: dict[str, str], context: FetchContext
) -> tuple[Fetched, URL, FetchContext]:
    """Return a page, the address it came from, and the context with what is left of the limits."""
    clock = asyncio.get_running_loop().time
    limits, begun = context.limits, clock()
    source = HttpSource(session, request, url, credentials, context)
    async with in_time(limits.total_timeout_ms, masked(str(url))):
        fetched = cast(Fetched, await spooled(source, request, context))
    left = replace(
        limits,
        max_bytes=limits.max_bytes - fetched.size,
        total_timeout_ms=max(1, limits.total_timeout_ms - round((clock() - begun) * 1000)),
    )
    return fetched, source.address, replace(context, limits=left)
