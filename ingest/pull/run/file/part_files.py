"""The parsed parts of a run on disk: written while parsing, read while publishing, so that the guard can come between.

A folder belongs to one attempt at a run, so that a puller that lost the run unknowingly disturbs nobody. It holds

    parts      a JSON line a batch
    rejected   external ids of rows that were refused: they were in the file, so they are not missing; each with whether
               its row was out of shape, which makes it doubtful
    file.json  what parsing found out, written when both are complete

A puller that restarts goes on from it; one on another machine fetches and parses again, and gets the same parts.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Self

import orjson

from ingest.pull.records import EncodedChunks
from ingest.pull.run.file.disk import on_disk

FOLDER = "feedline-run-"
"""What the name of a folder of parsed parts begins with; the run's id and the attempt follow."""
MAX_PART_BYTES = 1 << 20
"""A part is split when it is larger, down to one item: a batch of 50 very long ones would weigh on everybody."""
_READ_BYTES = 1 << 18
_IDS_PER_READ = 5_000


Warnings = dict[int, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Part:
    """One batch to be: canonical items and their rows in the file."""

    number: int
    items: list[dict[str, Any]]
    rows: list[int]
    size: int
    """Bytes on disk: about what it weighs as a message."""
    warnings: list[dict[str, Any]] = field(default_factory=list)
    """What was left out of its items."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a writer had come."""

    parts: int
    parts_bytes: int
    rejected_bytes: int


class PartsWriter:
    """Writes a run's folder; `finish` makes it valid. Its methods block, and raise `DiskTrouble`."""

    def __init__(self, folder: Path) -> None:
        """Empties the folder."""
        with on_disk():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True, mode=0o700)
            self._parts: BinaryIO = (folder / "parts").open("wb", buffering=1 << 18)
            self._rejected: BinaryIO = (folder / "rejected").open("wb", buffering=1 << 16)
        self._folder = folder
        self._finished = False
        self.parts = 0

    def part(self, items: list[dict[str, Any]], rows: list[int], warnings: Warnings | None = None) -> None:
        """Add a part, or several of it when it is large; `warnings` are by the items' places."""
        told = [each for _, some in sorted((warnings or {}).items()) for each in some]
        line = orjson.dumps([items, rows, told] if told else [items, rows])
        if len(line) > MAX_PART_BYTES and len(items) > 1:
            half = len(items) // 2
            behind = {place - half: some for place, some in (warnings or {}).items() if place >= half}
            self.part(items[:half], rows[:half], {at: some for at, some in (warnings or {}).items() if at < half})
            self.part(items[half:], rows[half:], behind)
            return
        self._add(line + b"\n")

    def encoded(self, chunks: EncodedChunks) -> None:
        """Add a part a chunk; its items and rows are JSON already."""
        if len(chunks.lines) > MAX_PART_BYTES:  # so may one of them be
            for items, rows in chunks.decoded():
                self.part(items, rows)
        else:
            self._add(chunks.lines, len(chunks.sizes))

    def _add(self, lines: bytes, count: int = 1) -> None:
        with on_disk():
            self._parts.write(lines)
        self.parts += count

    def rejected(self, external_ids: Iterable[tuple[str, bool]]) -> None:
        """Add ids of refused rows, each with whether it is doubtful."""
        with on_disk():
            for entry in external_ids:
                self._rejected.write(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE))

    def mark(self) -> Mark:
        """Return the place that has been reached."""
        return Mark(self.parts, self._parts.tell(), self._rejected.tell())

    def back_to(self, mark: Mark) -> None:
        """Forget what was added since."""
        with on_disk():
            for file, place in ((self._parts, mark.parts_bytes), (self._rejected, mark.rejected_bytes)):
                file.seek(place)
                file.truncate()
        self.parts = mark.parts

    def finish(self, facts: dict[str, Any]) -> None:
        """Close the files and keep the facts: from here on the folder counts."""
        with on_disk():
            self._parts.close()
            self._rejected.close()
            written = self._folder / "file.json.new"
            written.write_bytes(orjson.dumps({**facts, "parts": self.parts}))
            written.rename(self._folder / "file.json")
        self._finished = True

    def close(self) -> None:
        """Close the files; delete them unless they are finished: a feed that always fails must not fill the disk."""
        for file in (self._parts, self._rejected):
            with contextlib.suppress(OSError):  # what a full disk did not take is not wanted any more
                file.close()
        if not self._finished:
            shutil.rmtree(self._folder, ignore_errors=True)


class Spooled:
    """A run's folder, complete."""

    def __init__(self, folder: Path, facts: dict[str, Any]) -> None:
        self.facts = facts
        self._folder = folder

    @classmethod
    def find(cls, folder: Path) -> Self | None:
        """Return a run's folder if it is there and complete."""
        try:
            return cls(folder, orjson.loads((folder / "file.json").read_bytes()))
        except (OSError, ValueError):
            return None

    @classmethod
    def adopt(cls, folder: Path) -> Self | None:
        """Return the run's folder of this or an earlier attempt on this machine, made this attempt's own; None: none.

        `folder` is where this attempt's lies. The other attempt's puller is gone, or reads on from files it has open.
        """
        found = cls.find(folder)
        if found is not None:
            return found
        run = folder.name.rpartition("-")[0]
        for other in sorted(folder.parent.glob(f"{run}-*")):
            if cls.find(other) is not None:
                with on_disk():
                    shutil.rmtree(folder, ignore_errors=True)
                    other.rename(folder)
                return cls.find(folder)
        return None

    async def parts(self, first: int) -> AsyncGenerator[Part, None]:
        """Yield the parts from number `first` on; raises `DiskTrouble`."""
        with self._open("parts") as file:
            await asyncio.to_thread(_skip, file, first)
            number = first
            while lines := await asyncio.to_thread(_read, file):
                for line in lines:
                    items, rows, *told = orjson.loads(line)
                    yield Part(number, items, rows, len(line), told[0] if told else [])
                    number += 1

    async def seen(self) -> AsyncIterator[tuple[str, bool]]:
        """Yield every external id of the file, and whether it is doubtful; some of them twice. Raises `DiskTrouble`."""
        with self._open("parts") as file:
            while found := await asyncio.to_thread(_ids_of_parts, file):
                for external_id in found:
                    yield external_id, False
        with self._open("rejected") as file:
            while lines := await asyncio.to_thread(_lines, file, _IDS_PER_READ):
                for line in lines:
                    external_id, doubtful = orjson.loads(line)
                    yield external_id, doubtful

    def _open(self, name: str) -> BinaryIO:
        with on_disk():
            return (self._folder / name).open("rb", buffering=1 << 18)

    async def discard(self) -> None:
        """Delete the folder."""
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)


def _lines(file: BinaryIO, most: int) -> list[bytes]:
    with on_disk():
        return list(itertools.islice(file, most))


def _skip(file: BinaryIO, lines: int) -> None:
    with on_disk():
        for _ in itertools.islice(file, lines):
            pass


def _read(file: BinaryIO) -> list[bytes]:
    with on_disk():
        return file.readlines(_READ_BYTES)


def _ids_of_parts(file: BinaryIO) -> list[str]:
    return [item["externalId"] for line in _read(file) for item in orjson.loads(line)[0]]
