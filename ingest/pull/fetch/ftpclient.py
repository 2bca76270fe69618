"""aioftp's client, made fit for servers that we do not know: what it lacks, and no more.

- It connects to the checked address, and its data connections to the same one: a server that advertises another
  address in its PASV answer (a bounce, or a broken NAT) is not followed.
- EPSV falls back to PASV on any refusal, unreadable answer or dead port, not just on 50x.
- TLS on a data connection begins after the transfer was announced (150), as other clients do. aioftp begins it before,
  and servers that accept only then (vsftpd) never answer. The control connection's TLS session is offered for reuse.
- The control connection is bytes in both directions (Latin-1), so that no name or greeting fails to decode.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Sequence
from typing import Any, Literal

from aioftp import Client, DataConnectionThrottleStreamIO, StatusCodeError
from aioftp.common import SSLSessionBoundContext, ThrottleStreamIO

MAX_ANSWER_LINES = 200
"""Lines of one answer, greetings included: a server could go on for ever."""
_PASSIVE = re.compile(r"(?<!\d)(?:\d{1,3},){4}(\d{1,3}),(\d{1,3})(?!\d)")


class FtpClient(Client):
    """One control connection to one checked address."""

    def __init__(
        self, host: str, addresses: Sequence[str], tls: ssl.SSLContext, connect_s: float, read_s: float
    ) -> None:
        super().__init__(connection_timeout=connect_s, socket_timeout=read_s, encoding="latin-1", ssl=None)
        self._host = host
        self._addresses = list(addresses)
        self._tls = tls
        self._implicit = False
        self._lines = 0
        self._no_epsv = False

    async def open(self, port: int, *, implicit: bool = False) -> None:
        """Connect to the first address that answers and read the greeting; `implicit`: TLS from the first byte."""
        self._implicit = implicit
        for address in self._addresses:
            try:
                await self.connect(address, port)
            except (OSError, TimeoutError) as error:
                self.close()
                self._stream = None
                # A TLS fault is the same at each of the addresses.
                if address == self._addresses[-1] or isinstance(error, ssl.SSLError):
                    raise
            else:
                return

    async def secure(self) -> None:
        """Turn to TLS (AUTH TLS) unless it was there from the start, or raise: there is no falling back."""
        if not self._implicit:
            await self.command("AUTH TLS", "234")
            await self._start_tls(self.stream)

    async def protect(self) -> None:
        """After the login: have data connections use TLS, if the control connection does.

        Servers of implicit TLS may not know the command, for they do nothing else.
        """
        if self.stream.writer.get_extra_info("ssl_object") is not None:
            expected = ("2xx", "5xx") if self._implicit else ("2xx",)
            await self.command("PBSZ 0", expected)
            await self.command("PROT P", expected)

    async def fact(self, command: str) -> str | None:
        """Return what SIZE or MDTM answers, or None if the server does not know it."""
        code, lines = await self.command(command, ("213", "4xx", "5xx"))
        return lines[-1].strip() if code == "213" else None

    async def retrieve(
        self, name: str, transfer: Literal["I", "A"], offset: int
    ) -> tuple[DataConnectionThrottleStreamIO, int]:
        """Begin to receive a file; returns the stream and the offset that it begins at (0 where REST is refused)."""
        reader, writer = await self.get_passive_connection(transfer)
        stream = DataConnectionThrottleStreamIO(
            self, reader, writer, throttles={"_": self.throttle}, timeout=self.socket_timeout
        )
        try:
            if offset:
                code, _ = await self.command(f"REST {offset}", ("350", "4xx", "5xx"))
                offset = offset if code == "350" else 0
            await self.command(f"RETR {name}", "1xx")
            await self._start_tls(stream)
        except BaseException:
            stream.close()
            raise
        return stream, offset

    async def get_passive_connection(
        self,
        conn_type: Any = "I",
        commands: Sequence[str] | None = None,  # noqa: ARG002 - aioftp's signature
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Ask for a data connection: EPSV (RFC 2428), else PASV."""
        if not self._no_epsv:
            try:
                return await super().get_passive_connection(conn_type, ("epsv",))
            except (StatusCodeError, OSError, TimeoutError, ValueError, IndexError):
                self._no_epsv = True
        return await super().get_passive_connection(conn_type, ("pasv",))

    @staticmethod
    def parse_pasv_response(s: str) -> tuple[str, int]:
        """Return the port (RFC 959 leaves the parentheses to chance); the address is not ours to follow."""
        match = _PASSIVE.search(s)
        if match is None:
            raise ValueError("PASV")
        return "0.0.0.0", int(match.group(1)) << 8 | int(match.group(2))  # noqa: S104 - aioftp: the control host's

    async def parse_line(self) -> tuple[Any, str]:
        """Read a line of an answer, within bounds."""
        self._lines += 1
        if self._lines > MAX_ANSWER_LINES:
            raise ValueError("answer too long")
        return await super().parse_line()

    async def parse_response(self) -> tuple[Any, list[str]]:
        """Read one answer."""
        self._lines = 0
        return await super().parse_response()

    async def _open_connection(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to `host`, which is always the checked address; only implicit TLS begins here."""
        control = self._stream is None
        tls = self._tls if control and self._implicit else None
        async with asyncio.timeout(self.connection_timeout):
            return await asyncio.open_connection(host, port, ssl=tls, server_hostname=self._host if tls else None)

    async def _start_tls(self, stream: ThrottleStreamIO) -> None:
        """Begin TLS on a control connection, or on a data connection when the control connection has it."""
        control = self.stream.writer.get_extra_info("ssl_object")
        context = self._tls
        if stream is not self.stream:
            if control is None:
                return
            context = SSLSessionBoundContext(ssl.PROTOCOL_TLS_CLIENT, context=control.context, session=control.session)
        await stream.writer.start_tls(
            context, server_hostname=self._host, ssl_handshake_timeout=self.connection_timeout
        )
