"""One attempt at a resource over HTTP(S): always GET, conditional, resumed where the last attempt broke off.

Bodies are kept as they were transferred (`auto_decompress` is off): a gzip transfer coding is undone by
`open_content` like any other gzip, ranges stay meaningful, and nothing unpacks without a bound.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace

import aiohttp
from yarl import URL

from ingest.feeds.locations import masked
from ingest.pull.fetch import http_rules as rules
from ingest.pull.fetch.digests import differing
from ingest.pull.fetch.errors import FetchCode, FetchError, FetchUnavailable
from ingest.pull.fetch.guard import GuardedResolver
from ingest.pull.fetch.http_rules import keeps_credentials, next_hop
from ingest.pull.fetch.request import FetchContext, Fetched, FetchRequest, NotModified
from ingest.pull.fetch.spool import Spool

USER_AGENT = "Feedline (inventory feed puller)"
_HEADER_BYTES = 32_768
"""Of one header line: redirects with signed tokens are longer than aiohttp's 8 KiB."""
_REDIRECTS = frozenset((301, 302, 303, 307, 308))


@asynccontextmanager
async def http_session(context: FetchContext) -> AsyncIterator[aiohttp.ClientSession]:
    """Open a session for one fetch (cookies of one vendor are no other's); it connects to checked addresses alone."""
    limits = context.limits
    connector = aiohttp.TCPConnector(
        resolver=GuardedResolver(context.guard),
        socket_factory=context.guard.socket,
        use_dns_cache=False,
        ssl=context.tls or True,
    )
    timeout = aiohttp.ClientTimeout(
        total=None,
        connect=limits.connect_timeout_ms / 1000,
        sock_connect=limits.connect_timeout_ms / 1000,
        sock_read=limits.read_timeout_ms / 1000,
    )
    async with aiohttp.ClientSession(
        connector=connector,
        # Of bare addresses too, and as they came: the session lives for one fetch, of one vendor.
        cookie_jar=aiohttp.CookieJar(unsafe=True, quote_cookie=False),
        timeout=timeout,
        auto_decompress=False,
        max_line_size=_HEADER_BYTES,
        max_field_size=_HEADER_BYTES,
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "gzip"},
    ) as session:
        yield session


class HttpSource:
    """One resource over HTTP; remembers between attempts what a resumed one needs."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        request: FetchRequest,
        url: URL,
        credentials: dict[str, str],
        context: FetchContext,
    ) -> None:
        self._session = session
        self._request = request
        self._url = url
        self.address = url
        """Where the last answer came from, after redirects."""
        self._credentials = credentials
        self._context = context
        self._whole: aiohttp.ClientResponse | None = None
        self._if_range: str | None = None
        self._declared: int | None = None
        self._resumed = 0
        self._differs: str | None = None

    async def attempt(self, spool: Spool) -> Fetched | NotModified:
        """Fetch into the spool, from where the last attempt ended if the server can; raises fetch errors."""
        shown = masked(str(self._url))
        with told(shown, lambda: spool.size < (self._declared or 0)):
            while not (found := await self._try(spool)):
                pass  # what came cannot be continued: from the beginning, at once
        if isinstance(found, NotModified):
            return found
        await spool.flush()
        return await self._verified(self.described(spool))

    async def _verified(self, found: Fetched) -> Fetched:
        """Return a file that has the checksums which the server sent with it; raises for another one."""
        assert self._whole is not None, "described"
        is_coded = found.content_encoding in ("gzip", "x-gzip")
        self._differs = await asyncio.to_thread(
            differing, self._whole.headers, found.path, found.content_hash, is_coded=is_coded
        )
        if self._differs is not None:
            self._if_range = None  # nothing of it is to be continued
            raise FetchUnavailable(FetchCode.DIGEST, f"{found.url} came with a {self._differs} of other bytes")
        return found

    async def _try(self, spool: Spool) -> NotModified | bool:
        """Receive one answer into the spool; return False when it cannot continue what the spool holds."""
        resuming = self._if_range is not None and spool.size > 0
        headers = self._headers(spool.size if resuming else 0)
        async with self._answer(headers) as (response, url):
            if response.status == 304 and headers.keys() & {"If-None-Match", "If-Modified-Since"}:  # noqa: PLR2004
                return NotModified(self._request.validators, "server")
            self.address = url
            if resuming and response.status in (206, 416) and not self._continues(response, spool):
                self._if_range = None
                return False
            await self._begin(response, masked(str(url)), spool, resuming)
            await _receive(response, spool)
        return True

    def described(self, spool: Spool) -> Fetched:
        """Return the description of what lies in the (flushed) spool.

        It is that of the answer which began the file: a server that continues one with 206 need not repeat its headers.
        """
        assert self._whole is not None, "something came"
        shown = masked(str(self.address))
        found = rules.fetched(self._whole, shown, spool, declared=self._declared, resumed=self._resumed)
        return replace(found, differs=self._differs)

    def _headers(self, offset: int) -> dict[str, str]:
        headers = {"Accept": self._request.accept}
        validators = self._request.validators
        if offset:
            return headers | {"Range": f"bytes={offset}-", "If-Range": self._if_range or ""}
        if validators.etag:
            headers["If-None-Match"] = validators.etag
        if validators.last_modified:
            headers["If-Modified-Since"] = validators.last_modified
        return headers

    @asynccontextmanager
    async def _answer(self, headers: dict[str, str]) -> AsyncIterator[tuple[aiohttp.ClientResponse, URL]]:
        """Follow redirects by hand: each hop is checked anew, and credentials stay with their origin."""
        url, credentials = self._url, self._credentials
        for _ in range(self._context.limits.max_redirects + 1):
            response = await self._session.get(url, headers=headers | credentials, allow_redirects=False)
            target = response.headers.get("Location")
            if response.status not in _REDIRECTS or target is None:
                try:
                    yield response, url
                finally:
                    response.close()
                return
            response.close()
            hop = next_hop(url, target, with_credentials=bool(self._credentials))
            if not keeps_credentials(url, hop):
                credentials = {}
            url = hop
        raise FetchError(
            FetchCode.REDIRECT_LIMIT,
            f"{masked(str(self._url))} redirects more than {self._context.limits.max_redirects} times",
        )

    def _continues(self, response: aiohttp.ClientResponse, spool: Spool) -> bool:
        """Return whether an answer goes on where the spool ends, in the same version of the file, by its own word."""
        return (
            response.status == 206  # noqa: PLR2004
            and rules.content_range(response) == (spool.size, self._declared)
            and rules.names_version(response, self._if_range)
        )

    async def _begin(self, response: aiohttp.ClientResponse, shown: str, spool: Spool, resuming: bool) -> None:
        """Make the spool ready for this answer's body, or raise what its status means."""
        length = response.content_length
        if response.status == 206 and resuming:  # noqa: PLR2004
            self._resumed += 1
            return
        if response.status != 200:  # noqa: PLR2004
            raise rules.refusal(response, shown, self._context.now())
        rules.refuse_coding(response, shown)
        await spool.restart()
        self._whole, self._differs = response, None
        self._resumed = 0
        self._declared = length
        # Without a length, what was received could not be told from the whole.
        self._if_range = rules.strong_validator(response) if length is not None else None
        if length is not None and length > self._context.limits.max_bytes:
            raise FetchError(FetchCode.TOO_LARGE, f"{shown} is {length:,} bytes large")


async def _receive(response: aiohttp.ClientResponse, spool: Spool) -> None:
    """Take a body into the spool, and of one that breaks off all that came."""
    content = response.content
    try:
        async for chunk in content.iter_any():
            await spool.take(chunk)
    except aiohttp.ClientPayloadError:
        # aiohttp keeps what it has not handed out yet, and has no other way to it.
        await spool.take(content._read_nowait(-1))  # noqa: SLF001
        raise


@contextmanager
def told(shown: str, is_short: Callable[[], bool]) -> Iterator[None]:
    """Turn what aiohttp raises into fetch errors, whose messages hold no credentials."""
    try:
        yield
    except aiohttp.ClientConnectorCertificateError:
        raise FetchError(FetchCode.CERTIFICATE, f"{shown} has a TLS certificate that is not valid") from None
    except (TimeoutError, aiohttp.ServerTimeoutError):
        raise FetchUnavailable(FetchCode.TIMEOUT, f"{shown} did not answer in time") from None
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
        raise FetchError(FetchCode.LOCATION, f"{shown} is not an address") from None
    except (aiohttp.ClientConnectorError, ssl.SSLError):
        raise FetchUnavailable(FetchCode.CONNECT, f"{shown} takes no connection") from None
    except aiohttp.ClientPayloadError:
        if is_short():
            raise FetchUnavailable(FetchCode.TRUNCATED, f"{shown} ended before its declared length") from None
        raise FetchUnavailable(FetchCode.INTERRUPTED, f"{shown} broke off") from None
    except aiohttp.ClientResponseError:
        raise FetchError(FetchCode.PROTOCOL, f"{shown} answered something that is not HTTP") from None
    except (aiohttp.ClientError, ConnectionError):
        raise FetchUnavailable(FetchCode.INTERRUPTED, f"{shown} broke off") from None
