"""A fetch from beginning to end: `fetch` streams a resource to a spool file, or says that it was not modified.

location → guard → attempt (HTTP or FTP) → spool ─┬→ Fetched
           ↑            │ cut, busy, slow         └→ NotModified (the server says so, or the same content hash)
           └─ back-off ─┘ resumed where it broke off: capped, jittered; a server's wish (Retry-After) up to a cap
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Protocol, TypeVar

from ingest.feeds.locations import Location
from ingest.pull.fetch.errors import FetchCode, FetchUnavailable
from ingest.pull.fetch.ftp import FtpSource
from ingest.pull.fetch.html import refuse_html
from ingest.pull.fetch.http import HttpSource, http_session
from ingest.pull.fetch.http_rules import headers_for
from ingest.pull.fetch.request import FetchContext, Fetched, FetchRequest, NotModified, Validators
from ingest.pull.fetch.spool import Spool
from schemas.backoff import delay_s
from schemas.tasks import made_in_thread

Result = TypeVar("Result")

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
LONGEST_WISH_S = 120.0
"""A server that asks for more patience than this ends the fetch: the next run comes anyway."""


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
    result: Fetched | NotModified | None = None
    try:
        async with (
            in_time(context.limits.total_timeout_ms, location.shown),
            _source(request, location, context) as source,
        ):
            result = await spooled(source, request, context)
    except BaseException:  # the time was over while the source was closed
        if isinstance(result, Fetched):
            result.discard()
        raise
    return result


async def spooled(source: Source, request: FetchRequest, context: FetchContext) -> Fetched | NotModified:
    """Attempt a source into a new spool file, which stays only with a `Fetched`."""
    spool = await made_in_thread(lambda: Spool(context.folder, context.limits.max_bytes), Spool.discard)
    kept = False
    try:
        try:
            result = await with_retries(
                lambda: source.attempt(spool), context.limits.attempts, context.sleep, context.jitter
            )
        except FetchUnavailable as error:
            if error.code not in (FetchCode.TRUNCATED, FetchCode.DIGEST) or not request.keep_short:
                raise
            await spool.flush()
            whole = source.described(spool)
            # Without the server's validators: they are those of the whole file, and this is none.
            is_short = error.code is FetchCode.TRUNCATED
            result = replace(whole, validators=Validators(content_hash=whole.content_hash), short=is_short)
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


def pause_s(attempt: int, jitter: float, wish_s: float | None = None) -> float | None:
    """Return how long to wait after failed attempt number `attempt` (from 0), or None to give up.

    `jitter` is a number from 0 to 1: the pause lies between half and the whole of the back-off, so that many feeds
    of one vendor do not come back at the same moment.
    """
    back_off = delay_s(attempt, FIRST_PAUSE_S, LONGEST_PAUSE_S, jitter)
    if wish_s is None:
        return back_off
    return max(back_off, wish_s) if wish_s <= LONGEST_WISH_S else None


async def with_retries(
    attempt: Callable[[], Awaitable[Result]],
    attempts: int,
    sleep: Callable[[float], Awaitable[object]],
    jitter: Callable[[], float],
) -> Result:
    """Return what an attempt returns; the last `FetchUnavailable` is raised, any other error at once."""
    for number in range(attempts - 1):
        try:
            return await attempt()
        except FetchUnavailable as error:
            pause = pause_s(number, jitter(), error.retry_after_s)
            if pause is None:
                raise
        await sleep(pause)
    return await attempt()


@asynccontextmanager
async def _source(request: FetchRequest, location: Location, context: FetchContext) -> AsyncIterator[Source]:
    if location.is_ftp:
        yield FtpSource(request, location, context)
        return
    credentials = headers_for(request)
    async with http_session(context) as session:
        yield HttpSource(session, request, location.http_url(), credentials, context)
