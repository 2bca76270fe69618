"""The parsed parts of a run on disk: written while parsing, read while publishing, so that the guard can come between.

A run's folder holds `parts` (a JSON line a batch), `rejected` (external ids of rows that were refused: they were in the
file, so they are not missing) and, when both are complete, `file.json` with what parsing found out. A puller that
restarts goes on from it; one on another machine fetches and parses again, and gets the same parts.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

import orjson

MAX_PART_BYTES = 1 << 20
"""A part is split when it is larger, down to one item: a batch of 50 very long ones would weigh on everybody."""
_READ_BYTES = 1 << 18
_IDS_PER_READ = 5_000


@dataclass(frozen=True, slots=True)
class Part:
    """One batch to be: canonical items and their rows in the file."""

    number: int
    items: list[dict[str, Any]]
    rows: list[int]
    size: int
    """Bytes on disk: about what it weighs as a message."""


class PartsWriter:
    """Writes a run's folder; `finish` makes it valid. Its methods block: call them off the event loop."""

    def __init__(self, folder: Path) -> None:
        """Empties the folder."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)
        self._folder = folder
        self._parts: BinaryIO = (folder / "parts").open("wb", buffering=1 << 18)
        self._rejected: BinaryIO = (folder / "rejected").open("wb", buffering=1 << 16)
        self._finished = False
        self.parts = 0

    def part(self, items: list[dict[str, Any]], rows: list[int]) -> None:
        """Add a part, or several of it when it is large."""
        line = orjson.dumps([items, rows], option=orjson.OPT_APPEND_NEWLINE)
        if len(line) > MAX_PART_BYTES and len(items) > 1:
            half = len(items) // 2
            self.part(items[:half], rows[:half])
            self.part(items[half:], rows[half:])
            return
        self._parts.write(line)
        self.parts += 1

    def rejected(self, external_ids: Iterable[str]) -> None:
        """Add ids of refused rows."""
        for external_id in external_ids:
            self._rejected.write(orjson.dumps(external_id, option=orjson.OPT_APPEND_NEWLINE))

    def finish(self, facts: dict[str, Any]) -> None:
        """Close the files and keep the facts: from here on the folder counts."""
        self._close_files()
        written = self._folder / "file.json.new"
        written.write_bytes(orjson.dumps({**facts, "parts": self.parts}))
        written.rename(self._folder / "file.json")
        self._finished = True

    def close(self) -> None:
        """Close the files; delete them unless they are finished: a feed that always fails must not fill the disk."""
        self._close_files()
        if not self._finished:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _close_files(self) -> None:
        self._parts.close()
        self._rejected.close()


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

    async def parts(self, first: int) -> AsyncGenerator[Part, None]:
        """Yield the parts from number `first` on."""
        with (self._folder / "parts").open("rb", buffering=1 << 18) as file:
            await asyncio.to_thread(_skip, file, first)
            number = first
            while lines := await asyncio.to_thread(file.readlines, _READ_BYTES):
                for line in lines:
                    items, rows = orjson.loads(line)
                    yield Part(number, items, rows, len(line))
                    number += 1

    async def seen(self) -> AsyncIterator[tuple[str]]:
        """Yield every external id of the file, as rows of one column; some of them twice."""
        with (self._folder / "parts").open("rb", buffering=1 << 18) as file:
            while found := await asyncio.to_thread(_ids_of_parts, file):
                for external_id in found:
                    yield (external_id,)
        with (self._folder / "rejected").open("rb", buffering=1 << 16) as file:
            while lines := await asyncio.to_thread(_lines, file, _IDS_PER_READ):
                for line in lines:
                    yield (orjson.loads(line),)

    async def discard(self) -> None:
        """Delete the folder."""
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)


def _lines(file: BinaryIO, most: int) -> list[bytes]:
    return list(itertools.islice(file, most))


def _skip(file: BinaryIO, lines: int) -> None:
    for _ in itertools.islice(file, lines):
        pass


def _ids_of_parts(file: BinaryIO) -> list[str]:
    lines = file.readlines(_READ_BYTES)
    return [item["externalId"] for line in lines for item in orjson.loads(line)[0]]
