"""One connection of a sender, and the quick lane in it.

    read ── aiohttp's parser ─┬─ a post: begun with at its head ── body ── sent ── confirm ── answered
                              └─ anything else, and what is refused: aiohttp's own way

aiohttp makes two tasks of every request and goes through the event loop six times. A post needs none of it, whether its
body comes with its head or, as many clients send it, behind. While it arrives and while it is at the broker
its connection is busy, as aiohttp understands it: what comes after it waits in aiohttp's queue, a stop waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from aiohttp import HttpVersion11, StreamReader, web
from aiohttp.http import RawRequestMessage

from ingest.amqp.wire import Confirm
from ingest.edge import body as bodies
from ingest.edge.chunks import Chunks
from ingest.edge.post import PATH, Begun
from ingest.http.problems import ProblemError, internal
from ingest.http.request_ids import HEADER as REQUEST_ID
from ingest.http.request_ids import give_id
from schemas.logs import structlog

_log = structlog.get_logger()
_SHOWN = 200
HEAD_S = 30.0
"""A head that takes longer, and a connection that says nothing for so long, are ended."""
_APART_BYTES: Final = 2**18
"""A larger body that comes behind its head is left to aiohttp, which stops reading while nobody takes what is there."""

Begin = Callable[[web.BaseRequest, int], Begun | None]
"""Begins with a post of so many bytes; None for one that must go the long way, to which nothing has happened."""


class Connection(web.RequestHandler):
    """One connection; what is not well-formed HTTP is a problem like any other, and no traceback in the log.

    A head has `HEAD_S` to arrive, the first one from the connection on.
    """

    __slots__ = (
        *("_arriving", "_begin", "_body_timer", "_chunks", "_head_of", "_head_timer"),
        *("_coming", "_idle", "_stopping", "begun"),
    )

    def __init__(self, server: web.Server, begin: Begin | None, stopping: Callable[[], bool], **options: Any) -> None:
        super().__init__(server, **options)
        self._begin, self._stopping = begin, stopping
        self.begun: Begun | None = None
        """What was begun with; its message is the first of aiohttp's queue until it is answered."""
        self._idle: asyncio.Future[None] | None = None
        """What wakes aiohttp's task, which sleeps on meanwhile."""
        self._chunks = Chunks()
        self._arriving: StreamReader | None = None
        """The body of what was begun with, until it is whole."""
        self._coming: StreamReader | None = None
        """The body of the last message, until all of it has come."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first head."""
        self._head_timer: asyncio.TimerHandle | None = None
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Begin with a post, or send it; start the clock when a head begins to arrive and does not end."""
        waiter, self._waiter = self._waiter, None
        known = self._request_count
        super().data_received(data)
        self._waiter = waiter
        if known != self._request_count:
            self._coming = self._messages[-1][1]
        if self._coming is not None and self._coming.is_eof():
            self._coming = None
        if known != self._request_count or self._chunks.body is not None:
            self._watch_chunks(data, self._request_count - known)
        if waiter is None or waiter.done():  # busy
            if self._arriving is not None and self._arriving.is_eof():
                self._arrived()
            return
        if self._messages:
            self._next(waiter)
        elif self._head_of != self._request_count:
            self._expect_head()

    def _watch_chunks(self, data: bytes, number: int) -> None:
        """End the connection with its answer where a chunked body breaks off, or ends with more than its last chunk."""
        body = self._chunks.body
        if number == 1 and body is None:
            message: Any = self._messages[-1][0]
            if message.__class__ is not RawRequestMessage or not message.chunked:
                return
        came = list(self._messages)[len(self._messages) - number :]
        if self._chunks.end_plainly(data, came):
            return
        self._close = True
        if body is not None and not body.is_eof():  # aiohttp tells nobody who waits for the rest
            body.set_exception(web.RequestPayloadError("a chunk is malformed"))

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Go on reading where that was interrupted; its parent asks the parser at each body that is read."""
        if self._reading_paused:
            super().resume_reading(resume_parser)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer a sender that has ended its side behind a whole post; the connection ends with that."""
        busy = self._request_count > 0 and (self._waiter is None or self._waiter.done())
        whole = busy and self._coming is None
        self._close = self._close or whole
        return whole

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop the clocks."""
        if self._head_timer is not None:
            self._head_timer.cancel()
        self._let_go()
        super().connection_lost(exc)

    def close(self) -> None:
        """End the connection; a body that arrives may do so first, and its answer is the last one."""
        if self._arriving is None:
            super().close()

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 - its parent's signature
        """Wait for what arrives, then do as aiohttp does, which would not read it any more."""
        if self._arriving is not None:
            self._handler_waiter = self._loop.create_future()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._handler_waiter
            self._handler_waiter = None
            self._let_go()
        self.close()
        await super().shutdown(timeout)

    def _next(self, waiter: asyncio.Future[None]) -> None:
        """Begin with the first message of the queue, or leave it to aiohttp's task."""
        message, payload = self._messages[0]
        # Of a sender that does not read its answers nothing more is taken: aiohttp's task waits until it does.
        self.begun = begun = None if self.writing_paused else self._begun(message, payload)
        if begun is None or begun.error is not None:
            waiter.set_result(None)
            return
        self._idle, self._waiter = waiter, None
        self._request_in_progress = True
        if payload.is_eof():
            self._send(begun)
            return
        self._arriving = payload
        self._body_timer = self._loop.call_later(bodies.READ_TIMEOUT_S, self._body_is_due)

    def _begun(self, message: Any, payload: StreamReader) -> Begun | None:
        if (
            self._begin is None
            or self._stopping()
            or message.__class__ is not RawRequestMessage  # but an error
            or message.path != PATH
            or message.method != "POST"
            or message.version != HttpVersion11
            or message.chunked
            or message.upgrade
        ):
            return None
        size = payload.total_bytes if payload.is_eof() else _apart(message.headers)
        if not size:
            return None
        request = web.BaseRequest(message, payload, self, None, None, self._loop)  # type: ignore[arg-type]
        return self._begin(request, size)

    def _arrived(self) -> None:
        """Send what has become whole."""
        assert self.begun is not None
        self._body_timer.cancel()
        self._arriving = None
        self._send(self.begun)

    def _send(self, begun: Begun) -> None:
        begun.send()
        if begun.sent is None:
            self._hand_over()
        else:
            begun.sent.confirm.add_done_callback(self._confirmed)

    def _hand_over(self) -> None:
        """Let aiohttp's task answer what was refused."""
        waiter, self._idle = self._idle, None
        self._waiter = waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _body_is_due(self) -> None:
        assert self.begun is not None
        self._arriving = None
        self.begun.refuse(bodies.slow(bodies.READ_TIMEOUT_S))
        self._hand_over()

    def _let_go(self) -> None:
        """Forget a post whose body will not arrive any more."""
        if self._arriving is None:
            return
        assert self.begun is not None
        assert self._idle is not None
        self._body_timer.cancel()
        self.begun.gone()
        self._idle.cancel()
        self._arriving = self.begun = self._idle = None
        self._done()

    def _done(self) -> None:
        """Be busy no longer; a stop may wait for that."""
        self._request_in_progress = False
        if self._handler_waiter is not None and not self._handler_waiter.done():
            self._handler_waiter.set_result(None)

    def _confirmed(self, confirm: Confirm) -> None:
        """Answer what was confirmed; what was not is for aiohttp's task."""
        waiter, begun = self._idle, self.begun
        assert waiter is not None
        assert begun is not None
        ends = self._close or self._stopping() or not begun.request.keep_alive
        answer = begun.accepted(ends=ends) if confirm.result() is None else None
        if self.transport is None or waiter.done():
            self._idle = None
            if confirm.result() == "unroutable":  # nobody sends it again; all else the broker settles, however late
                begun.abandon()
            waiter.cancel()
            self._done()
        elif answer is None:
            self._hand_over()
        else:
            self._idle = None
            self.transport.write(answer)
            self._done()
            self._answered(waiter, ends=ends)

    def _answered(self, waiter: asyncio.Future[None], *, ends: bool) -> None:
        """Do as aiohttp does after an answer; `ends`: it was the last one."""
        self.begun = None
        assert self._manager is not None
        assert self._parser is not None
        self._messages.popleft()
        self._manager.requests_count += 1
        self._parser.message_consumed()
        if self._buffer_paused and len(self._messages) <= self._msg_queue_resume_size:
            self._resume_reading_if_drained()
        self._waiter = waiter
        if ends:
            self.force_close()
            return
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(self._next_keepalive_close_time, self._process_keepalive)
        if self._messages:
            self._next(waiter)

    def _expect_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
        self._head_of = self._request_count  # that many heads were whole before it
        self._head_timer = self._loop.call_later(HEAD_S, self._head_is_due)

    def _head_is_due(self) -> None:
        self._head_timer = None
        if self._request_count == self._head_of and self._waiter is not None and not self._waiter.done():
            self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the answer to what is no HTTP, or to what nobody foresaw."""
        if request.writer.output_size > 0:
            raise ConnectionError("part of an answer was sent already")
        request_id = give_id(request)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _log.error("request_failed", path=request.path, request_id=request_id, exc_info=exc)
            response = internal("edge").response()
        else:
            _log.info("request_malformed", status=status, request_id=request_id, reason=type(exc).__name__)
            said = " ".join((message or "").split())[:_SHOWN]
            response = ProblemError(status, "edge.http.malformed", f"Not well-formed HTTP: {said}").response()
        response.headers[REQUEST_ID] = request_id
        response.force_close()
        return response


def _apart(headers: Mapping[str, str]) -> int:
    """Return the size of a body that may come behind its head; 0 for one that aiohttp is to read."""
    size = int(headers.get("Content-Length", 0))
    return size if size <= _APART_BYTES and "Expect" not in headers else 0
