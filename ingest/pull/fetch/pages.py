"""The pages of a JSON API, one after the other, each fetched in the same guarded way.

    async for page in pages(request, next_by(pagination), context):
        report = ...parse page.fetched...
        page.fields, page.items = report.page_fields, report.rows_read
        page.fetched.discard()

What names the next page stands in the page itself, so it is asked for (`next_of`) only when the consumer has come back
with what it read: a page is parsed once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

from aiohttp import ClientSession
from yarl import URL

from ingest.feeds.pagination import Pagination
from ingest.pull.fetch.context import FetchContext
from ingest.pull.fetch.credentials import headers_for
from ingest.pull.fetch.errors import FetchCode, FetchError
from ingest.pull.fetch.hops import keeps_credentials, next_hop
from ingest.pull.fetch.http import HttpSource, http_session
from ingest.pull.fetch.links import next_link
from ingest.pull.fetch.location import masked, parse
from ingest.pull.fetch.request import Fetched, FetchRequest, Validators
from ingest.pull.fetch.transfer import in_time, spooled


@dataclass(slots=True)
class Page:
    """One page. `number` counts from 0. The consumer sets `fields` (path → value) and `items` before it goes on."""

    number: int
    fetched: Fetched
    address: URL = field(repr=False)
    fields: dict[str, Any] = field(default_factory=dict)
    items: int = 0


NextOf = Callable[[Page], str | None]
"""Returns the address of the next page, absolute or relative to this one's; None after the last."""


async def pages(request: FetchRequest, next_of: NextOf, context: FetchContext) -> AsyncIterator[Page]:
    """Yield the pages of an API. The spool file of each is the consumer's to delete.

    The limits on bytes and time (of fetching, not of reading) are those of one file, for all pages together. Validators
    are not sent: an unchanged first page says nothing of the others. Close the iterator (`contextlib.aclosing`) when
    leaving early. Raises `FetchError` and `FetchUnavailable`.
    """
    location = parse(request.location)
    if location.is_ftp:
        raise FetchError(FetchCode.LOCATION, f"{location.shown} is not HTTP, so it has no pages")
    request = replace(request, validators=Validators())
    url, credentials = location.http_url(), headers_for(request, location)
    protected = bool(credentials)
    seen: set[URL] = set()
    async with http_session(context) as session:
        for number in range(context.limits.max_pages):
            seen.add(url)
            fetched, address, context = await _page(session, request, url, credentials, context)
            page = Page(number, fetched, address)
            yield page
            target = next_of(page)
            if target is None:
                return
            hop = next_hop(address, target, with_credentials=protected)
            if hop in seen:
                raise FetchError(FetchCode.PAGES_LOOP, f"{masked(str(address))} names a page that was already read")
            if not (keeps_credentials(url, hop) and keeps_credentials(url, address)):
                credentials = {}
            url = hop
    raise FetchError(FetchCode.PAGES_LIMIT, f"{location.shown} has more than {context.limits.max_pages:,} pages")


def next_by(pagination: Pagination) -> NextOf:
    """Return the callback that a feed's pagination describes; it serves one run."""
    if pagination.by == "link":
        return lambda page: next_link(page.fetched.headers.get("link", ""))
    if pagination.by == "page":
        return _Counting(pagination)
    path, parameter = cast(str, pagination.path), pagination.parameter

    def by_field(page: Page) -> str | None:
        value = page.fields.get(path)
        if value is None or isinstance(value, bool) or value == "":
            return None
        return str(value) if parameter is None else _with_query(page.address, parameter, str(value))

    return by_field


class _Counting:
    """Pages by number: the end is a page without items, or one that a server repeats for want of more."""

    def __init__(self, pagination: Pagination) -> None:
        self._pagination = pagination
        self._last_hash: str | None = None

    def __call__(self, page: Page) -> str | None:
        if not page.items or page.fetched.content_hash == self._last_hash:
            return None
        self._last_hash = page.fetched.content_hash
        number = self._pagination.first + (page.number + 1) * self._pagination.step
        return _with_query(page.address, cast(str, self._pagination.parameter), str(number))


def _with_query(address: URL, parameter: str, value: str) -> str:
    return str(address.update_query({parameter: value}))


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
