"""Reading foreign bytes in processes of their own: they may be killed, and cost nobody else anything.

A thread would share the interpreter with the event loop, and parsing never lets go of it; nor can it be stopped. Each
file, small or large, gets a process forked from a warm one (`forks`), which reads and decompresses the spool file,
and writes frames to a pipe: 4 bytes of length of the whole, 4 of the JSON that comes first, then what goes on as bytes:
the items of many chunks, which nobody decodes before they are published. The pipe is the back-pressure: a child whose
chunks nobody takes stops. CPU time, memory and the time between two frames are limited (`job.Budget`); leaving the
context kills it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import fields
from types import TracebackType
from typing import Any, Self

import orjson

from ingest.pull.fetch import FetchCode, FetchError
from ingest.pull.parse.beginning import Beginning
from ingest.pull.parse.process.forks import STATUS_BYTES
from ingest.pull.parse.process.job import LENGTH_BYTES, Job
from ingest.pull.records import EncodedChunks, FormatError, Report, reject_from_json
from schemas.errors import FeedlineError

_PIPE_BYTES = 1 << 18
_CRASHES = (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL)


class ParserDiedError(FeedlineError):
    """The parsing process ended by itself, was killed, or hit an error of ours."""


class Parsers:
    """The way to parsing processes. Costs nothing before the first; `close` (or leaving the context) ends them all."""

    def __init__(self) -> None:
        self._control: socket.socket | None = None
        self._server: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End the warm process, and with it all children."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._server is not None:
            await self._server.wait()
            self._server = None

    async def fork(self) -> tuple[int, socket.socket]:
        """Return the reading end of a new child's frames, and our end of its `life`."""
        async with self._lock:
            for _ in range(2):  # the warm process may have ended for want of jobs
                if self._server is None or self._server.returncode is not None:
                    await self._start()
                with contextlib.suppress(OSError):
                    return self._sent()
                await self.close()
        raise ParserDiedError("the process that parsers are forked from does not answer")

    async def _start(self) -> None:
        await self.close()
        self._control, theirs = socket.socketpair()
        with theirs:
            self._server = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "ingest.pull.parse.process.child",
                str(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "LC_ALL": "C.UTF-8"},
            )

    def _sent(self) -> tuple[int, socket.socket]:
        assert self._control is not None
        ours, theirs = socket.socketpair()
        reading, writing = os.pipe()
        try:
            socket.send_fds(self._control, [b"w"], [writing, theirs.fileno()])
        except OSError:
            ours.close()
            os.close(reading)
            raise
        finally:
            theirs.close()
            os.close(writing)
        ours.setblocking(False)
        return reading, ours


class Offloaded:
    """A parse in a process of its own: enter it, iterate its chunks, many at a time, once, then look at its report.

    Iterating raises what `Parse` raises (FormatError, also for a file that takes more than its budget), what
    `open_content` raises (FetchError), and ParserDiedError.
    """

    def __init__(self, parsers: Parsers, job: Job) -> None:
        self.report = Report()
        self._parsers, self._job = parsers, job
        self._life: socket.socket | None = None
        self._frames: asyncio.StreamReader | None = None
        self._transport: asyncio.BaseTransport | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        reading, self._life = await self._parsers.fork()
        frames = asyncio.StreamReader(limit=_PIPE_BYTES)
        pipe = os.fdopen(reading, "rb", buffering=0)
        self._transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(frames), pipe)
        self._frames = frames
        encoded = self._job.encode()
        with contextlib.suppress(ConnectionError):  # it has died: reading says so
            await loop.sock_sendall(self._life, len(encoded).to_bytes(LENGTH_BYTES) + encoded)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._life is not None
        assert self._transport is not None
        self._life.close()  # the warm process kills the child
        self._transport.close()

    async def __aiter__(self) -> AsyncIterator[EncodedChunks]:
        while True:
            frame, behind = await self._frame()
            if "sizes" not in frame:
                break
            rejects = [reject_from_json(reject) for reject in frame["rejects"]]
            yield EncodedChunks(frame["count"], behind, frame["sizes"], rejects, frame["rejected"])
        self._end(frame)

    async def looked(self) -> Beginning:
        """Return what a look at the beginning of the file gave (`Job.look_items`)."""
        frame, _ = await self._frame()
        if "looked" not in frame:
            self._end(frame)
        return Beginning.from_json(frame["looked"])

    async def _frame(self) -> tuple[dict[str, Any], bytes]:
        """Return the JSON of the next frame, and the bytes behind it."""
        assert self._frames is not None
        try:
            async with asyncio.timeout(self._job.budget.wall_s):
                length = int.from_bytes(await self._frames.readexactly(LENGTH_BYTES))
                body = await self._frames.readexactly(length)
            ends = LENGTH_BYTES + int.from_bytes(body[:LENGTH_BYTES])
            return orjson.loads(body[LENGTH_BYTES:ends]), body[ends:]
        except (asyncio.IncompleteReadError, ConnectionError):
            raise await self._death() from None
        except TimeoutError:
            raise FormatError(f"reading the file took longer than {self._job.budget.wall_s:g} s: stopped") from None

    async def _death(self) -> Exception:
        """Return the error that says how the child ended."""
        assert self._life is not None
        told = b""
        with contextlib.suppress(ConnectionError):
            told = await asyncio.get_running_loop().sock_recv(self._life, STATUS_BYTES)
        status = int.from_bytes(told, signed=True)
        if status == -signal.SIGXCPU:
            return FormatError(
                f"reading the file took more CPU time than is allowed ({self._job.budget.cpu_s:g} s and "
                f"{self._job.budget.cpu_s_per_mib:g} s for each MiB): stopped"
            )
        if -status in _CRASHES:
            return FormatError(f"the file made its reader crash ({signal.Signals(-status).name})")
        return ParserDiedError(f"the parsing process ended with status {status}")

    def _end(self, frame: dict[str, Any]) -> None:
        for known in fields(Report):
            setattr(self.report, known.name, frame["report"][known.name])
        match frame["error"]:
            case {"kind": "format", "message": message}:
                raise FormatError(message)
            case {"kind": "fetch", "code": code, "message": message}:
                raise FetchError(FetchCode(code), message)
            case {"message": message}:
                raise ParserDiedError(message)
