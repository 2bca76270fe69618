"""Rows of one key in one file to one item, as the feed's `duplicates` says; what was folded is counted.

`last` needs no memory of the items: the road applies a feed's items in order, so the last one stands. For the others
all items go through a private SQLite database on disk, which bounds the memory however many keys a file has.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from itertools import islice
from operator import lt
from typing import IO, Any, Protocol

import orjson

from ingest.feeds.mapping import Duplicates
from ingest.pull.mapping.mapper import QUANTITY, Mapped
from ingest.pull.records import FileReject
from schemas.attributes import INT32_MAX
from schemas.items import KEY, MAX_ITEMS

_HASHES_PER_PASS = 1 << 20
"""Hashes compared at once: about 100 MB of memory while the last chunk is made."""
_IN_MEMORY_BYTES = 1 << 24
_BETWEEN = "\0"
"""Between two keys; no key holds it."""
_TABLES = """
CREATE TABLE items (key TEXT PRIMARY KEY, position INTEGER NOT NULL, row INTEGER NOT NULL, item TEXT NOT NULL,
                    again INTEGER) WITHOUT ROWID;
CREATE TABLE refused (key TEXT PRIMARY KEY, row INTEGER NOT NULL) WITHOUT ROWID;
"""


class Fold(Protocol):
    """Takes what was mapped, in order, and gives what goes on."""

    folded: int
    """Rows that went into another row of their key."""
    rejected: int
    """Mapped rows that were refused here."""

    def add(self, mapped: Mapped, refused: list[FileReject]) -> Mapped:
        """Take the items of a block and the rejects of it; return what can go on now."""

    def end(self) -> Iterator[Mapped]:
        """Yield what goes on at the end of the file."""

    def close(self) -> None:
        """Let go of what is kept on disk."""


def fold_of(duplicates: Duplicates) -> Fold:
    """Return the fold that a feed's setting asks for."""
    return Counted() if duplicates == "last" else Folded(duplicates)


class Counted:
    """Lets everything pass, and counts at the end how many rows come again later.

    Keys in order, as most files have them, repeat nothing. They are kept on disk, and looked through if it breaks.
    """

    def __init__(self) -> None:
        self.folded = self.rejected = 0
        self._rows = 0
        self._last = ""
        self._ordered = True
        self._kept = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 - see close

    def add(self, mapped: Mapped, _: list[FileReject]) -> Mapped:
        """Let the items pass."""
        if mapped.items:
            keys = mapped.keys
            self._rows += len(keys)
            self._ordered = self._ordered and self._last < keys[0] and _are_ordered(keys)
            self._last = keys[-1]
            joined = _BETWEEN.join(keys)
            self._kept.write((joined.replace("\n", "\x1f") if "\n" in joined else joined).encode() + b"\n")
        return mapped

    def end(self) -> Iterator[Mapped]:
        """Yield nothing, and count."""
        if not self._ordered:
            self.folded = self._rows - different(self._kept, self._rows)
        return iter(())

    def close(self) -> None:
        """Let go of the keys."""
        self._kept.close()


def _are_ordered(keys: list[str]) -> bool:
    """Return whether each key comes behind the one before."""
    return all(map(lt, keys, islice(keys, 1, None)))


def different(kept: IO[bytes], number: int, per_pass: int = _HASHES_PER_PASS) -> int:
    """Return how many different keys there are among so many in a file of them, in bounded memory: by hash."""
    passes = number // per_pass + 1
    found = 0
    for chosen in range(passes):
        kept.seek(0)
        hashes: set[int] = set()
        for line in kept:
            here = map(hash, line.removesuffix(b"\n").split(_BETWEEN.encode()))
            hashes.update(here if passes == 1 else (each for each in here if each % passes == chosen))
        found += len(hashes)
    return found


class Folded:
    """Keeps one item a key on disk until the end of the file."""

    def __init__(self, duplicates: Duplicates) -> None:
        self.folded = self.rejected = 0
        self._duplicates = duplicates
        self._position = 0
        self._database = sqlite3.connect("", isolation_level=None)  # a private file, gone when it is closed
        self._database.executescript(f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; {_TABLES} BEGIN;")

    def add(self, mapped: Mapped, refused: list[FileReject]) -> Mapped:
        """Keep the items; let the rejects pass."""
        self._database.executemany(
            "INSERT OR IGNORE INTO refused VALUES (?, ?)",
            [(each.external_id, each.row) for each in refused if each.external_id and not each.skipped],
        )
        passed = Mapped(rejects=mapped.rejects, rejected=mapped.rejected)
        for row, key, item in zip(mapped.rows, mapped.keys, mapped.items, strict=True):
            self._position += 1
            values = (key, self._position, row, item)
            if not self._database.execute("INSERT OR IGNORE INTO items VALUES (?, ?, ?, ?, NULL)", values).rowcount:
                self._again(row, orjson.loads(item), passed)
        return passed

    def _again(self, row: int, item: dict[str, Any], passed: Mapped) -> None:
        if self._duplicates == "first":
            self.folded += 1
            return
        found = self._database.execute("SELECT row, item FROM items WHERE key = ?", (item[KEY],))
        first_row, first = found.fetchone()
        if self._duplicates == "reject":
            self._database.execute("UPDATE items SET again = ? WHERE key = ?", (row, item[KEY]))
            self._refuse(passed, row, item[KEY], "duplicate", f"row {first_row} has the same externalId")
            return
        self.folded += 1
        both = {**orjson.loads(first), **item}
        quantities = [each[QUANTITY] for each in (orjson.loads(first), item) if each.get(QUANTITY) is not None]
        if quantities:
            both[QUANTITY] = sum(quantities) if self._duplicates == "sum" else max(quantities)
        self._database.execute(
            "UPDATE items SET item = ?, again = ? WHERE key = ?", (orjson.dumps(both).decode(), row, item[KEY])
        )

    def end(self) -> Iterator[Mapped]:
        """Yield the folded items in the order of their first rows."""
        rows = self._database.execute(
            "SELECT items.key, items.row, item, again, refused.row FROM items LEFT JOIN refused USING (key)"
            " ORDER BY position"
        )
        while found := rows.fetchmany(MAX_ITEMS):
            mapped = Mapped()
            for key, row, written, again, refused in found:
                item = orjson.loads(written)
                if self._duplicates == "reject" and again is not None:
                    self._refuse(mapped, row, key, "duplicate", f"row {again} has the same externalId")
                elif refused is not None and (refused < row or self._duplicates != "first"):
                    self._refuse(mapped, row, key, "duplicate", f"row {refused} of this externalId is rejected")
                elif not -INT32_MAX - 1 <= (item.get(QUANTITY) or 0) <= INT32_MAX:
                    self._refuse(mapped, row, key, "range", f"the rows of this externalId add up to {item[QUANTITY]}")
                else:
                    mapped.add(item, row)
            yield mapped

    def close(self) -> None:
        """Let go of the items."""
        self._database.close()

    def _refuse(self, mapped: Mapped, row: int, key: str, code: str, message: str) -> None:
        field = KEY if code == "duplicate" else QUANTITY
        mapped.rejects.append(FileReject(row, key, field, None, code, message))
        mapped.rejected += 1
        self.rejected += 1
