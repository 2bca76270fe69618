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
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import cast

from aiohttp import ClientSession
from yarl import URL

from ingest.feeds.locations import masked
from ingest.pull.fetch.errors import FetchCode, FetchError
from ingest.pull.fetch.http import HttpSource, http_session
from ingest.pull.fetch.http_rules import headers_for, keeps_credentials, next_hop
from ingest.pull.fetch.pagers import Page, Pager
from ingest.pull.fetch.request import FetchContext, Fetched, FetchRequest, Validators
from ingest.pull.fetch.transfer import in_time, spooled


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
                if page is not None and pager.is_end(error.code):
                    return
                raise
            page = Page(number, fetched, address)
            yield page
            target = pager.next(page)
            if target is None:
                return
            hop = next_hop(address, target, with_credentials=protected)
            if hop in seen:
                if pager.is_end():
                    return
                raise FetchError(FetchCode.PAGES_LOOP, f"{masked(str(address))} names a page that was already read")
            if not (keeps_credentials(url, hop) and keeps_credentials(url, address)):
                credentials = {}
            url = hop
    raise FetchError(FetchCode.PAGES_LIMIT, f"{location.shown} has more than {context.limits.max_pages:,} pages")


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
