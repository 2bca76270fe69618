"""The 202 of the hot path, written in one piece: aiohttp's own response costs 40 µs more, a sixth of a whole post."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping
from email.utils import formatdate
from typing import Final

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter

from ingest.http.request_ids import id_of

_HEAD: Final = (
    b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: %d\r\nDate: %b\r\n"
    b"X-Request-Id: %b\r\n%b\r\n"
)
_CLOSE: Final = b"Connection: close\r\n"


class Accepted(web.Response):
    """A 202 with a JSON body and header fields; to HTTP/1.0 it is an ordinary response."""

    def __init__(self, body: bytes, fields: Mapping[str, str]) -> None:
        super().__init__(status=202, body=body, headers={"Content-Type": "application/json", **fields})
        self._written, self._fields = body, fields

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write head and body at once; nothing is left for `write_eof`."""
        if request.version != HttpVersion11:
            return await super().prepare(request)
        if request.transport is None:
            raise ConnectionResetError("the sender is gone")
        if self._keep_alive is None:  # nobody has called `force_close`
            self._keep_alive = request.keep_alive
        whole = written(self._written, self._fields, id_of(request), keep_alive=self._keep_alive)
        request.transport.write(whole)
        self._eof_sent = True
        await request.writer.drain()  # the next post of who does not read is not looked at
        return None


def written(body: bytes, fields: Mapping[str, str], request_id: str, *, keep_alive: bool) -> bytes:
    """Return a whole 202 of HTTP/1.1: head and body."""
    more = b"" if keep_alive else _CLOSE
    for name, value in fields.items():
        more += b"%b: %b\r\n" % (name.encode(), value.encode())
    return _HEAD % (len(body), http_date(int(time.time())), request_id.encode(), more) + body


@functools.lru_cache(maxsize=2)
def http_date(second: int) -> bytes:
    """Return the value of a Date header."""
    return formatdate(second, usegmt=True).encode()
