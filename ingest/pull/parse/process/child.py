"""What a forked process does: one job on one spool file, within its limits, to frames on a pipe."""

from __future__ import annotations

import gc
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, BinaryIO

import orjson

from ingest.feeds.mapping import FormatSettings
from ingest.pull.fetch import FetchError, Wanted, open_content
from ingest.pull.parse.beginning import look
from ingest.pull.parse.pipeline import Parse
from ingest.pull.parse.process.forks import ForkServer
from ingest.pull.parse.process.job import LENGTH_BYTES, Budget, Job
from ingest.pull.records import Chunk, FormatError, Report

_MIB = 1 << 20
_FRAME_BYTES, _FRAME_REJECTS = 1 << 17, 1_000
_WARM = {
    "ftpCsv": b"externalId,inventoryQuantity\nA,1\n",
    "xml": b"<items><item><externalId>A</externalId></item></items>",
    "api": b'[{"externalId": "A"}]',
}


def main() -> None:
    """Serve the control socket whose descriptor is the argument."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for resource_type, sample in _WARM.items():
        item_path = "/items/item" if resource_type == "xml" else None
        settings = {"resourceType": resource_type, "itemPath": item_path}
        list(Parse([sample], FormatSettings.model_validate(settings)))
    ForkServer(socket.socket(fileno=int(sys.argv[1])), child).serve()


def child(frames: int, life: socket.socket) -> None:
    """Do the job that stands on `life`."""
    length = int.from_bytes(_received(life, LENGTH_BYTES))
    job = Job.decode(_received(life, length))
    life.close()
    gc.disable()  # nothing here makes cycles; looking for them costs a tenth
    resource.setrlimit(resource.RLIMIT_AS, (job.budget.memory_bytes, job.budget.memory_bytes))
    with os.fdopen(frames, "wb", buffering=_MIB // 8) as out:
        run(job, out)


def run(job: Job, out: BinaryIO) -> None:
    """Parse or look, and write frames; every error but that of writing becomes part of the last frame."""
    report, error = Report(), None
    try:
        with ExitStack() as stack:
            opener = _opener(job, stack)
            if job.look_items is not None:
                _write(out, {"looked": look(opener, job.settings, job.charset, job.look_items).as_json()})
            else:
                parsing = Parse(opener, job.settings, charset=job.charset)
                report = parsing.report
                frames = _Frames(out, job)
                try:
                    for chunk in parsing:
                        frames.add(chunk)
                finally:  # what was read before an error counts
                    frames.write()
    except BrokenPipeError:
        raise
    except FetchError as problem:
        error = {"kind": "fetch", "code": problem.code, "message": problem.message}
    except FormatError as problem:
        error = {"kind": "format", "message": str(problem)}
    except MemoryError:
        error = {"kind": "format", "message": "reading the file takes more memory than is allowed"}
    except RecursionError:
        error = {"kind": "format", "message": "the file is nested too deep to be read"}
    except Exception as problem:  # noqa: BLE001 - the parent raises it
        error = {"kind": "died", "message": f"{type(problem).__name__}: {problem}"}
    _write(out, {"report": report.as_json(), "error": error})


class _Meter:
    """Allows CPU time for what is read, with every MiB of it."""

    def __init__(self, budget: Budget) -> None:
        self._budget, self._read, self._told = budget, 0, -1

    def count(self, size: int) -> None:
        """Count bytes that were read."""
        self._read += size
        mib = self._read // _MIB
        if mib != self._told:
            self._told = mib
            seconds = max(1, round(self._budget.cpu_s + self._budget.cpu_s_per_mib * mib))
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))


class _Metered:
    """A file whose reading is metered."""

    def __init__(self, file: BinaryIO, meter: _Meter) -> None:
        self._file, self._meter = file, meter

    def read(self, size: int = -1) -> bytes:
        """Read as the file does."""
        data = self._file.read(size)
        self._meter.count(len(data))
        return data

    def seekable(self) -> bool:
        """Return whether the file can be read again."""
        return self._file.seekable()

    def seek(self, at: int) -> int:
        """Go to a place in the file."""
        return self._file.seek(at)

    def tell(self) -> int:
        """Return the place in the file."""
        return self._file.tell()


def _opener(job: Job, stack: ExitStack) -> Callable[[], _Metered]:
    """Return the function that opens the content of the spool file, as often as it is called."""
    meter = _Meter(job.budget)
    meter.count(0)

    def opener() -> _Metered:
        content = open_content(
            job.path,
            content_encoding=job.content_encoding,
            wanted=Wanted(job.suffixes, job.settings.archive_member),
            limits=job.limits,
        )
        return _Metered(stack.enter_context(content), meter)

    return opener


def _received(life: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        more = life.recv(size - len(received))
        if not more:
            raise BrokenPipeError
        received += more
    return received


class _Frames:
    """Writes chunks, many in a frame: items and rows as JSON lines behind it, which go on as they are.

    A frame costs the reader's event loop some turns, as much as parsing a hundred rows.
    """

    def __init__(self, out: BinaryIO, job: Job) -> None:
        self._out, self._vendor_name, self._row_offset = out, job.vendor_name, job.row_offset
        self._clear()

    def _clear(self) -> None:
        self._lines: list[bytes] = []
        self._sizes: list[int] = []
        self._rejects: list[dict[str, Any]] = []
        self._bytes = self._count = self._rejected = 0

    def add(self, chunk: Chunk) -> None:
        """Add a chunk; write when there is enough for a frame."""
        self._count += chunk.count
        self._rejected += chunk.rejected
        self._rejects += [{**reject.as_json(), "record": reject.record} for reject in chunk.rejects]
        if chunk.written:
            self._add_items(chunk)
        if self._bytes >= _FRAME_BYTES or len(self._rejects) >= _FRAME_REJECTS:
            self.write()

    def _add_items(self, chunk: Chunk) -> None:
        if self._vendor_name:
            chunk.written = [_with_vendor(item, self._vendor_name) for item in chunk.written]
        offset = self._row_offset
        items = chunk.json()
        line = b"[%b,%b]\n" % (items, orjson.dumps([row + offset for row in chunk.rows] if offset else chunk.rows))
        self._lines.append(line)
        self._sizes.append(len(items))
        self._bytes += len(line)

    def write(self) -> None:
        """Write what was added, if anything."""
        if self._count or self._rejected or self._rejects:
            frame = {"count": self._count, "sizes": self._sizes, "rejects": self._rejects, "rejected": self._rejected}
            _write(self._out, frame, b"".join(self._lines))
            self._clear()


def _with_vendor(written: str, name: str) -> str:
    """Return an item that names its vendor; `name` is for one that names none."""
    if '"vendorName"' in written:  # or within a value of it
        item = orjson.loads(written)
        return orjson.dumps({**item, "vendorName": item.get("vendorName", name)}).decode()
    return f'{written[:-1]},"vendorName":{orjson.dumps(name).decode()}}}'


def _write(out: BinaryIO, frame: dict[str, Any], behind: bytes = b"") -> None:
    head = orjson.dumps(frame)
    out.write((LENGTH_BYTES + len(head) + len(behind)).to_bytes(LENGTH_BYTES))
    out.write(len(head).to_bytes(LENGTH_BYTES))
    out.write(head)
    out.write(behind)


if __name__ == "__main__":
    main()
