"""A fetch from beginning to end: `fetch` streams a resource to a spool file, or says that it was not modified.

location → guard → attempt (HTTP or FTP) → spool ─┬→ Fetched
           ↑            │ cut, busy, slow         └→ NotModified (the server says so, or the same content hash)
           └─ back-off ─┘ resumed where it broke off
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Protocol

from ingest.feeds.locations import Location
from ingest.pull.fetch.context import FetchContext
from ingest.pull.fetch.errors import FetchCode, FetchUnavailable
from ingest.pull.fetch.ftp import FtpSource
from ingest.pull.fetch.html import refuse_html
from ingest.pull.fetch.http import HttpSource, http_session
from ingest.pull.fetch.http_rules import headers_for
from ingest.pull.fetch.request import Fetched, FetchRequest, NotModified, Validators
from ingest.pull.fetch.retry import with_retries
from ingest.pull.fetch.spool import Spool


class Source(Protocol):
    """A resource that can be attempted several times into the same spool."""

    async def attempt(self, spool: Spool) -> Fetched | NotModified:
        """Fetch, resuming what the spool holds if possible; raises `FetchError` or `FetchUnavailable`."""

    def described(self, spool: Spool) -> Fetched:
        """Return the description of what lies in the spool."""


async def fetch(request: FetchRequest, context: FetchContext) -> Fetched | NotModified:
    """Fetch a resource; memory stays bounded however large it is.

    Raises `FetchError` when the vendor or the settings are at fault and `FetchUnavailable` when the last of the
    attempts, or the total time, has failed. The spool file of a `Fetched` is the caller's to delete.
    """
    location = request.place()
    async with in_time(context.limits.total_timeout_ms, location.shown), _source(request, location, context) as source:
        return await spooled(source, request, context)


async def spooled(source: Source, request: FetchRequest, context: FetchContext) -> Fetched | NotModified:
    """Attempt a source into a new spool file, which stays only with a `Fetched`."""
    spool = await asyncio.to_thread(Spool, context.folder, context.limits.max_bytes)
    kept = False
    try:
        try:
            result = await with_retries(
                lambda: source.attempt(spool), context.limits.attempts, context.sleep, context.jitter
            )
        except FetchUnavailable as error:
            if error.code is not FetchCode.TRUNCATED or not request.keep_short:
                raise
            await spool.flush()
            whole = source.described(spool)
            # Without the server's validators: they are those of the whole file, and this is none.
            result = replace(whole, validators=Validators(content_hash=whole.content_hash), short=True)
        if isinstance(result, Fetched):
            if result.content_hash == request.validators.content_hash:
                return NotModified(result.validators, "content hash")
            await asyncio.to_thread(refuse_html, result)
            kept = True
        return result
    finally:
        spool.close() if kept else spool.discard()


@asynccontextmanager
async def in_time(total_ms: int, shown: str) -> AsyncIterator[None]:
    """Bound the time of a whole fetch, retries and pauses included."""
    try:
        async with asyncio.timeout(total_ms / 1000):
            yield
    except TimeoutError:
        raise FetchUnavailable(FetchCode.TIMEOUT, f"{shown} took longer than {total_ms:,} ms") from None


@asynccontextmanager
async def _source(request: FetchRequest, location: Location, context: FetchContext) -> AsyncIterator[Source]:
    if location.is_ftp:
        yield FtpSource(request, location, context)
        return
    credentials = headers_for(request)
    async with http_session(context) as session:
        yield HttpSource(session, request, location.http_url(), credentials, context)
