"""The process that `offload` starts: one parse, from a spool file to frames on standard output."""

from __future__ import annotations

import gc
import resource
import signal
import sys
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from ingest.feeds.mapping import FormatSettings
from ingest.pull.fetch import ContentLimits, FetchError, Wanted, open_content
from ingest.pull.parse.pipeline import Parse
from ingest.pull.parse.process import MEMORY_BYTES
from ingest.pull.records import Chunk, FormatError, Report


def main() -> None:
    """Read the work from standard input, write its chunks as frames, then one frame with the report and the error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    gc.disable()  # nothing here makes cycles; looking for them costs a tenth
    work = orjson.loads(sys.stdin.buffer.read())
    try:
        run(work, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        sys.stderr.close()


def run(work: dict[str, Any], out: BinaryIO) -> None:
    """Parse and write frames; every error but that of writing becomes part of the last frame."""
    report = Report()
    error: dict[str, str] | None = None
    try:
        settings = FormatSettings.model_validate(work["settings"])
        with open_content(
            Path(work["path"]),
            content_encoding=work["contentEncoding"],
            wanted=Wanted(tuple(work["suffixes"]), work["member"]),
            limits=ContentLimits(work["maxUnpackedBytes"], work["maxRatio"]),
        ) as file:
            parsing = Parse(file, settings, charset=work["charset"])
            report = parsing.report
            for chunk in parsing:
                _write(out, _frame(chunk))
    except BrokenPipeError:
        raise
    except FormatError as problem:
        error = {"kind": "format", "message": str(problem)}
    except FetchError as problem:
        error = {"kind": "fetch", "code": problem.code, "message": problem.message}
    except MemoryError:
        error = {"kind": "format", "message": "reading the file takes more memory than is allowed"}
    except Exception as problem:  # noqa: BLE001 - the parent raises it
        error = {"kind": "died", "message": f"{type(problem).__name__}: {problem}"}
    _write(out, {"report": report.as_json(), "error": error})


def _frame(chunk: Chunk) -> dict[str, Any]:
    return {
        "items": chunk.items,
        "rows": chunk.rows,
        "rejects": [reject.as_json() for reject in chunk.rejects],
        "rejected": chunk.rejected,
    }


def _write(out: BinaryIO, frame: dict[str, Any]) -> None:
    body = orjson.dumps(frame)
    out.write(len(body).to_bytes(4))
    out.write(body)


if __name__ == "__main__":
    main()
