"""One connection of a sender, and the quick lane in it.

    read ── aiohttp's parser ─┬─ a whole post: begun with as it is read ── confirm ── answered
                              └─ anything else, and what is refused: aiohttp's own way

aiohttp makes two tasks of every request and goes through the event loop six times. A post that came whole needs none of
it. While it is at the broker its connection is busy, as aiohttp understands it: what comes after it waits in aiohttp's
own queue, and a stop waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

import structlog
from aiohttp import HttpVersion11, StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage

from ingest.amqp.wire import Confirm
from ingest.edge.chunks import Chunks
from ingest.edge.post import BEGUN, PATH, Begun
from ingest.http.problems import ProblemError, internal
from ingest.http.request_ids import HEADER as REQUEST_ID
from ingest.http.request_ids import give_id, share_id

_log = structlog.get_logger()
_SHOWN = 200
HEAD_S = 30.0
"""A head that takes longer, and a connection that says nothing for so long, are ended."""
KEEP_ALIVE_S: Final = 75.0
"""Between two posts of a connection; more than load balancers keep theirs, so that none posts into a closed one."""

Begin = Callable[[web.BaseRequest], Begun | None]
"""Begins with a post whose body is there; None for one that must go the long way, to which nothing has happened."""


class Server(web.Server):
    """Makes the connections; `stopping` tells whether answers should end them."""

    def __init__(
        self,
        handler: Callable[[web.BaseRequest], Any],
        begin: Begin | None,
        stopping: Callable[[], bool],
    ) -> None:
        super().__init__(handler, access_log=None, auto_decompress=False, keepalive_timeout=KEEP_ALIVE_S)
        self.begin, self.stopping = begin, stopping

    def __call__(self) -> web.RequestHandler:
        """Return a new connection."""
        return Connection(self, loop=self._loop, **self._kwargs)

    def _make_request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: web.RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> web.BaseRequest:
        request = super()._make_request(message, payload, protocol, writer, task)
        assert isinstance(protocol, Connection)
        begun, protocol.begun = protocol.begun, None
        if begun is not None:
            request[BEGUN] = begun
            share_id(request, begun.request)
        return request


class Connection(web.RequestHandler):
    """One connection; what is not well-formed HTTP is a problem like any other, and no traceback in the log.

    A head has `HEAD_S` to arrive, the first one from the connection on.
    """

    __slots__ = ("_begin", "_chunks", "_head_of", "_head_timer", "_idle", "_stopping", "begun")

    def __init__(self, server: Server, **options: Any) -> None:
        super().__init__(server, **options)
        self._begin, self._stopping = server.begin, server.stopping
        self.begun: Begun | None = None
        """What was begun with; its message is the first of aiohttp's queue until it is answered."""
        self._idle: asyncio.Future[None] | None = None
        """What wakes aiohttp's task, which sleeps on meanwhile."""
        self._chunks = Chunks()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first head."""
        self._head_timer: asyncio.TimerHandle | None = None
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Begin with a whole post; start the clock when a head begins to arrive and does not end."""
        waiter, self._waiter = self._waiter, None
        known = self._request_count
        super().data_received(data)
        self._waiter = waiter
        if known != self._request_count or self._chunks.body is not None:
            self._watch_chunks(data, self._request_count - known)
        if waiter is None or waiter.done():  # busy
            return
        if self._messages:
            self._next(waiter)
        elif self._head_of != self._request_count:
            self._expect_head()

    def _watch_chunks(self, data: bytes, number: int) -> None:
        """End the connection with its answer where a chunked body ends with more than its last chunk."""
        if number == 1 and self._chunks.body is None:
            message: Any = self._messages[-1][0]
            if message.__class__ is not RawRequestMessage or not message.chunked:
                return
        came = list(self._messages)[len(self._messages) - number :]
        if not self._chunks.end_plainly(data, came):
            self._close = True

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Go on reading where that was interrupted; its parent asks the parser at each body that is read."""
        if self._reading_paused:
            super().resume_reading(resume_parser)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop the clock."""
        if self._head_timer is not None:
            self._head_timer.cancel()
        super().connection_lost(exc)

    def _next(self, waiter: asyncio.Future[None]) -> None:
        """Begin with the first message of the queue, or leave it to aiohttp's task."""
        # Of a sender that does not read its answers nothing more is taken: aiohttp's task waits until it does.
        self.begun = begun = None if self.writing_paused else self._begun(*self._messages[0])
        if begun is None or begun.sent is None:
            waiter.set_result(None)
            return
        self._idle, self._waiter = waiter, None
        self._request_in_progress = True
        begun.sent.confirm.add_done_callback(self._confirmed)

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
            or not payload.is_eof()
            or not payload.total_bytes
        ):
            return None
        return self._begin(web.BaseRequest(message, payload, self, None, None, self._loop))  # type: ignore[arg-type]

    def _confirmed(self, confirm: Confirm) -> None:
        """Answer what was confirmed; what was not is for aiohttp's task."""
        waiter, begun = self._idle, self.begun
        assert waiter is not None
        assert begun is not None
        self._idle = None
        ends = self._close or self._stopping() or not begun.request.keep_alive
        answer = begun.accepted(ends=ends) if confirm.result() is None else None
        if self.transport is None or waiter.done():
            begun.abandon()
            waiter.cancel()
            self._done()
        elif answer is None:
            self._waiter = waiter
            waiter.set_result(None)
        else:
            self.transport.write(answer)
            self._done()
            self._answered(waiter, ends=ends)

    def _done(self) -> None:
        self._request_in_progress = False
        if self._handler_waiter is not None:  # a stop waits
            self._handler_waiter.set_result(None)

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
