"""One attempt at a resource over FTP or FTPS: conditional by time and size, resumed with REST.

Paths are walked as RFC 1738 has it: one CWD a folder, then RETR. SIZE and MDTM (RFC 3659) are asked and not needed;
MLSD, MLST and LIST are not used.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal, cast

from aioftp import AIOFTPException, StatusCodeError

from ingest.feeds.locations import Location
from ingest.pull.fetch.errors import FetchCode, FetchError, FetchUnavailable
from ingest.pull.fetch.ftpclient import FtpClient
from ingest.pull.fetch.request import FetchContext, Fetched, FetchRequest, NotModified, Validators
from ingest.pull.fetch.spool import Spool

FTP_PORT, FTPS_PORT = 21, 990
SETTLED_S = 60
"""MDTM counts in seconds: a file changed less than this long ago may be changed again within the same one."""
_READ_BYTES = 64 * 1024


class FtpSource:
    """One resource over FTP; remembers between attempts which version it has begun to fetch."""

    def __init__(self, request: FetchRequest, location: Location, context: FetchContext) -> None:
        self._request = request
        self._location = location
        self._context = context
        folders, name, transfer = location.ftp_path()
        self._folders = [folder.decode("latin-1") for folder in folders]
        self._name = name.decode("latin-1")
        self._transfer = cast(Literal["I", "A"], transfer)
        self._begun: tuple[str, int] | None = None
        self._found = Validators()
        self._resumed = 0

    async def attempt(self, spool: Spool) -> Fetched | NotModified:
        """Fetch into the spool, from where the last attempt ended if the server can; raises fetch errors."""
        with _told(self._location.shown):
            async with self._login() as client:
                modified, size = await self._facts(client)
                self._found = Validators(None, self._settled(modified), None, size)
                if self._is_known(self._found):
                    return NotModified(self._request.validators, "server")
                if size is not None and size > self._context.limits.max_bytes:
                    raise FetchError(FetchCode.TOO_LARGE, f"{self._location.shown} is {size:,} bytes large")
                await self._transfer_into(spool, client, (modified, size))
        await spool.flush()
        return self.described(spool)

    def described(self, spool: Spool) -> Fetched:
        """Return the description of what lies in the (flushed) spool."""
        content_hash = spool.content_hash()
        return Fetched(
            path=spool.path,
            size=spool.size,
            content_hash=content_hash,
            validators=replace(self._found, content_hash=content_hash),
            url=self._location.shown,
            declared_length=self._found.size,
            resumed=self._resumed,
        )

    async def _transfer_into(self, spool: Spool, client: FtpClient, version: tuple[str | None, int | None]) -> None:
        modified, size = version
        if self._begun is None or self._begun != version or not spool.size:
            await spool.restart()
        stream, offset = await client.retrieve(self._name, self._transfer, spool.size)
        try:
            if offset:
                self._resumed += 1
            else:
                await spool.restart()
                self._resumed = 0
            # What cannot be recognised later cannot be continued; text transfers count in the server's own way.
            resumable = modified is not None and size is not None and self._transfer == "I"
            self._begun = cast(tuple[str, int], version) if resumable else None
            while chunk := await stream.read(_READ_BYTES):
                await spool.take(chunk)
        except BaseException:
            stream.close()
            raise
        if size is not None and spool.size != size:
            stream.close()
            if spool.size > size:
                self._begun = None  # it grew, or was replaced, meanwhile
            raise FetchUnavailable(FetchCode.TRUNCATED, f"{self._location.shown} sent {spool.size:,} bytes of {size:,}")
        try:
            await stream.finish()
        except (AIOFTPException, OSError, TimeoutError):
            if size is None:  # only the size tells, without the closing reply, that the file is whole
                raise

    @asynccontextmanager
    async def _login(self) -> AsyncIterator[FtpClient]:
        location = self._location
        client = await self._connected()
        try:
            await client.login(_wire(location.user or "anonymous"), _wire(location.password or _default(location)))
            await client.protect()
            for folder in self._folders:
                await client.command(f"CWD {folder}", "2xx")
            yield client
            with contextlib.suppress(AIOFTPException, OSError, TimeoutError):
                await client.quit()
        finally:
            client.close()

    async def _connected(self) -> FtpClient:
        """Connect; ftps is implicit TLS on port 990, else explicit (AUTH TLS), found out by the server's first bytes.

        An explicit server greets in plain text, which no TLS handshake takes for its own: no waiting is needed to tell.
        """
        if self._location.scheme == "ftp":
            return await self._opened(self._location.port or FTP_PORT, implicit=False, secure=False)
        port = self._location.port
        if port != FTP_PORT:
            try:
                return await self._opened(port or FTPS_PORT, implicit=True, secure=True)
            except ssl.SSLCertVerificationError:
                raise
            except (ssl.SSLError, ConnectionResetError):
                pass
            except OSError:
                if port is not None:
                    raise
        return await self._opened(port or FTP_PORT, implicit=False, secure=True)

    async def _opened(self, port: int, *, implicit: bool, secure: bool) -> FtpClient:
        limits, host = self._context.limits, self._location.host
        connect_s, read_s = limits.connect_timeout_ms / 1000, limits.read_timeout_ms / 1000
        async with asyncio.timeout(connect_s):
            addresses = await self._context.guard.addresses(host, port)
        client = FtpClient(host, addresses, self._context.tls or ssl.create_default_context(), connect_s, read_s)
        try:
            await client.open(port, implicit=implicit)
            if secure:
                await client.secure()
        except BaseException:
            client.close()
            raise
        return client

    async def _facts(self, client: FtpClient) -> tuple[str | None, int | None]:
        """Return the modification time as the server writes it, and the size in bytes, each None if unknown."""
        if self._transfer == "A":
            return await client.fact(f"MDTM {self._name}"), None
        await client.command("TYPE I", "2xx")
        size = await client.fact(f"SIZE {self._name}")
        modified = await client.fact(f"MDTM {self._name}")
        return modified, int(size) if size and size.isdecimal() else None

    def _settled(self, modified: str | None) -> str | None:
        """Return a modification time that a later one is sure to differ from, else None."""
        try:
            moment = datetime.strptime((modified or "")[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        except ValueError:
            return None
        return modified if self._context.now() - moment.timestamp() >= SETTLED_S else None

    def _is_known(self, found: Validators) -> bool:
        known = self._request.validators
        return (
            found.last_modified is not None
            and found.size is not None
            and (found.last_modified, found.size) == (known.last_modified, known.size)
        )


@contextmanager
def _told(shown: str) -> Iterator[None]:
    """Turn what aioftp raises into fetch errors; a server's words are not quoted, for they may echo a credential."""
    try:
        yield
    except StatusCodeError as error:
        raise _refusal(str(error.received_codes[-1]), shown) from None
    except ssl.SSLCertVerificationError:
        raise FetchError(FetchCode.CERTIFICATE, f"{shown} has a TLS certificate that is not valid") from None
    except TimeoutError:
        raise FetchUnavailable(FetchCode.TIMEOUT, f"{shown} did not answer in time") from None
    except (ConnectionRefusedError, ssl.SSLError):
        raise FetchUnavailable(FetchCode.CONNECT, f"{shown} takes no connection") from None
    except (OSError, asyncio.IncompleteReadError):
        raise FetchUnavailable(FetchCode.INTERRUPTED, f"{shown} broke off") from None
    except (AIOFTPException, ValueError, IndexError):
        raise FetchError(FetchCode.PROTOCOL, f"{shown} answered something that is not FTP") from None


def _refusal(code: str, shown: str) -> FetchError | FetchUnavailable:
    """Return the error that an FTP reply code stands for (RFC 959, 4.2)."""
    said = f"{shown} answered {code}"
    if code in ("530", "331", "332", "430", "532"):
        return FetchError(FetchCode.UNAUTHORIZED, said)
    if code in ("550", "553"):
        return FetchError(FetchCode.NOT_FOUND, said)
    if code == "421":
        return FetchUnavailable(FetchCode.BUSY, said)
    if code.startswith("4"):
        return FetchUnavailable(FetchCode.INTERRUPTED if code == "426" else FetchCode.SERVER_ERROR, said)
    return FetchError(FetchCode.REFUSED, said)


def _wire(text: str) -> str:
    """Return text as it goes on the wire: UTF-8 bytes, one character each."""
    return text.encode().decode("latin-1")


def _default(location: Location) -> str:
    return "anonymous@" if location.user is None else ""
