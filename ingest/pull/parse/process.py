"""Parsing in a process of its own: the event loop never waits for the GIL, and memory is given back when it ends.

A thread would share the interpreter with the event loop, and parsing never lets go of it. The child (`child.py`) reads
the spool file itself, decompresses it, and writes frames to a pipe: 4 bytes of length, then JSON. The pipe is the
back-pressure: a child whose chunks nobody takes stops. It gets no environment (no secrets), its memory is limited, and
leaving the context kills it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from ingest.feeds.mapping import FormatSettings
from ingest.pull.fetch import ContentLimits, FetchCode, FetchError, Wanted
from ingest.pull.fetch.archive import ANY_MEMBER
from ingest.pull.records import Chunk, FormatError, Report, reject_from_json
from schemas.errors import FeedlineError

_PIPE_BYTES = 1 << 18
MEMORY_BYTES = 1 << 30
"""Address space of a child at most: the last line of defence; it needs a tenth of that."""


class ParserDiedError(FeedlineError):
    """The parsing process ended by itself, or hit an error of ours."""


@dataclass(frozen=True, slots=True)
class Work:
    """A spool file to be parsed: see `open_content` and `parse` for what the fields mean."""

    path: Path
    settings: FormatSettings
    charset: str | None = None
    content_encoding: str | None = None
    wanted: Wanted = ANY_MEMBER
    limits: ContentLimits | None = None

    def encode(self) -> bytes:
        """Return the work as JSON for the child."""
        limits = self.limits or ContentLimits()
        return orjson.dumps(
            {
                "path": str(self.path),
                "settings": self.settings.model_dump(mode="json", by_alias=True, exclude_unset=True),
                "charset": self.charset,
                "contentEncoding": self.content_encoding,
                "suffixes": self.wanted.suffixes,
                "member": self.wanted.pattern,
                "maxUnpackedBytes": limits.max_unpacked_bytes,
                "maxRatio": limits.max_ratio,
            }
        )


class Offloaded:
    """A parse in a child process: enter it, iterate its chunks once, then look at its report.

    Iterating raises what `Parse` raises (FormatError), what `open_content` raises (FetchError), and ParserDiedError.
    """

    def __init__(self, work: Work) -> None:
        self.report = Report()
        self._work = work
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "ingest.pull.parse.child",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_PIPE_BYTES,
            env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "LC_ALL": "C.UTF-8"},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.kill()
            # A child that waits to write would keep the transport waiting to read.
            self._process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001
        await self._process.wait()

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(self._work.encode())
            process.stdin.close()
            while True:
                length = int.from_bytes(await process.stdout.readexactly(4))
                frame = orjson.loads(await process.stdout.readexactly(length))
                if "items" not in frame:
                    break
                rejects = [reject_from_json(reject) for reject in frame["rejects"]]
                yield Chunk(frame["items"], frame["rows"], rejects, frame["rejected"])
        except (asyncio.IncompleteReadError, ConnectionError):
            status = await process.wait()
            raise ParserDiedError(f"the parsing process ended with status {status}") from None
        self._end(frame)

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
