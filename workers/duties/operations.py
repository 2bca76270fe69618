"""The duty of operations: replays, discards and restores the dead letters that somebody counted and confirmed.

Part by part, all operations in turn. What a part did, and how far the operation came, is written in one transaction, so
a worker that is killed loses nothing and does nothing twice: a replay that was published before it could be noted has
the same batch id the next time. A pause or a cancellation counts from the next part on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any
from uuid import UUID

import asyncpg

from schemas import dead_letters, queries
from schemas.batches import Batch
from schemas.dead_letters import DeadLetter
from schemas.errors import Permanent, Transient
from schemas.logs import structlog
from workers import database
from workers.clock import Clock

OPERATIONS = queries.load("operations", beside=__file__)
POLL_S = 1.0
REPLAY_PART, MARK_PART = 100, 1_000
"""Dead letters of one transaction: a replay's wait for the broker's confirm of each."""
_FROM = {"replay": "dead", "discard": "dead", "restore": "discarded"}
_MEANT = ("account_id", "feed_id", "code", "cause", "of_operation", "overtaken", "after_id", "max_id")
_log = structlog.get_logger()


@dataclass(slots=True)
class Part:
    """What became of the dead letters of one part: `results` are (id, done | skipped | failed, reason, batch id)."""

    results: list[tuple[int, str, str | None, UUID | None]] = field(default_factory=list)

    def note(self, letter_id: int, result: str, reason: str | None = None, batch_id: UUID | None = None) -> None:
        """Note one."""
        self.results.append((letter_id, result, reason, batch_id))

    def count(self, result: str) -> int:
        """Return how many had this result."""
        return sum(one[1] == result for one in self.results)

    @property
    def done(self) -> list[int]:
        """Return the ids of what was done."""
        return [one[0] for one in self.results if one[1] == "done"]


class Operations:
    """The duty; `key` is the secret key of the settings."""

    def __init__(self, key: bytes, publish: Callable[[Batch], Awaitable[None]], clock: Clock) -> None:
        self._key = key
        self._publish = publish
        self._clock = clock
        self._due: dict[int, float] = {}

    async def serve(self, connection: asyncpg.Connection) -> None:
        """Work on what is open, again and again, until the connection breaks."""
        broken = asyncio.Event()
        connection.add_termination_listener(lambda _: broken.set())
        while not connection.is_closed():
            if not await self.round(connection):
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_S):
                        await broken.wait()

    async def round(self, connection: asyncpg.Connection) -> bool:
        """Do one part of each open operation; return whether any got on."""
        rows = [row async for row in OPERATIONS.open_operations(connection)]
        self._due = {row["id"]: self._due[row["id"]] for row in rows if row["id"] in self._due}
        got_on = [
            await self._turn(connection, row)
            for row in rows
            if self._due.get(row["id"], 0.0) <= self._clock.monotonic()
        ]
        return any(got_on)

    async def _turn(self, connection: asyncpg.Connection, operation: Any) -> bool:
        number = operation["id"]
        try:
            with database.reaching():
                return await self._part(connection, operation)
        except database.Away:
            raise
        except Transient as error:
            await OPERATIONS.wait(connection, id=number, said=f"waits: {error}")
        except Exception as error:  # noqa: BLE001 - our fault: it stops, tells, and costs no other operation anything
            _log.exception("operation_failed", operation_id=number)
            await OPERATIONS.pause(connection, id=number, said=f"stopped by an error: {type(error).__name__}: {error}")
        return False

    async def _part(self, connection: asyncpg.Connection, operation: Any) -> bool:
        letters = await _next(connection, operation, _size(operation))
        if not letters:
            await OPERATIONS.finish(connection, id=operation["id"])
            _log.info("operation_finished", operation_id=operation["id"], account_id=operation["account_id"])
            return True
        if operation["kind"] == "replay" and operation["newer"] == "overwrite":
            await OPERATIONS.forget_overtaken(connection, ids=[row["id"] for row in letters])
        part, trouble = Part(), None
        async with connection.transaction():
            marks = operation["kind"] != "replay"
            if marks and await OPERATIONS.lock_if_open(connection, id=operation["id"]) is None:
                return False
            try:
                await self._do(connection, operation, letters, part)
            except Transient as error:
                trouble = error  # what was published until now is noted
            if part.results:
                await _write(connection, operation, part)
        if trouble is not None:
            raise trouble
        if operation["per_second"]:
            self._due[operation["id"]] = self._clock.monotonic() + len(part.results) / operation["per_second"]
        await _pause_if_asked(connection, operation, len(part.results))
        return True

    async def _do(self, connection: asyncpg.Connection, operation: Any, letters: Sequence[Any], part: Part) -> None:
        ids = [row["id"] for row in letters]
        if operation["kind"] == "replay":
            held = {row["id"] async for row in OPERATIONS.hold_dead(connection, ids=ids)}
            for row in letters:
                await self._replay(operation, row, part, held=row["id"] in held)
            await dead_letters.settle(connection, part.done, "replayed", self._clock.now())
            return
        if operation["kind"] == "restore":
            changed = await dead_letters.restore(connection, ids)
        else:
            changed = await dead_letters.settle(connection, ids, "discarded", self._clock.now())
        for number in ids:
            part.note(number, *(("done",) if number in changed else ("skipped", "somebody else settled it")))

    async def _replay(self, operation: Any, row: Any, part: Part, *, held: bool) -> None:
        if not held:
            part.note(row["id"], "skipped", "somebody else is at it, or settled it")
            return
        if row["overtaken_at"] is not None and operation["newer"] == "skip":
            at = row["overtaken_at"].astimezone(UTC)
            part.note(row["id"], "skipped", f"a newer value came at {at:%Y-%m-%dT%H:%M:%SZ}")
            return
        letter = DeadLetter(**{name: row[name] for name in DeadLetter.__slots__})
        try:
            batches = dead_letters.fresh(letter, self._clock.now(), self._key)
        except Permanent as error:
            part.note(row["id"], "failed", f"it is no batch, and cannot be replayed: {error}")
            return
        for batch in batches:
            await self._publish(batch)
        part.note(row["id"], "done", None, batches[0].batch_id if batches else None)


def _size(operation: Any) -> int:
    """Return how many the next part has: within a rate, a second's worth; up to where it is to pause."""
    size = REPLAY_PART if operation["kind"] == "replay" else MARK_PART
    if operation["per_second"]:
        size = min(size, operation["per_second"])
    if operation["pause_at"] is not None:
        size = min(size, max(1, operation["pause_at"] - _settled(operation)))
    return size


def _settled(operation: Any) -> int:
    count: int = operation["done"] + operation["skipped"] + operation["failed"]
    return count


async def _next(connection: asyncpg.Connection, operation: Any, most: int) -> list[Any]:
    meant = {name: operation[name] for name in _MEANT}
    wanted = _FROM[operation["kind"]]
    return [row async for row in OPERATIONS.next_letters(connection, wanted=wanted, most=most, **meant)]


async def _write(connection: asyncpg.Connection, operation: Any, part: Part) -> None:
    ids, results, reasons, batch_ids = map(list, zip(*part.results, strict=True))
    noted = {"ids": ids, "results": results, "reasons": reasons, "batch_ids": batch_ids}
    await OPERATIONS.note_items(connection, operation_id=operation["id"], **noted)
    counts = {result: part.count(result) for result in ("done", "skipped", "failed")}
    await OPERATIONS.advance(connection, id=operation["id"], after_id=max(ids), **counts)


async def _pause_if_asked(connection: asyncpg.Connection, operation: Any, count: int) -> None:
    settled = _settled(operation) + count
    if operation["pause_at"] is not None and settled >= operation["pause_at"] and settled < operation["total"]:
        said = f"the first {settled:,} are done: look at what they did, then let the rest follow"
        await OPERATIONS.pause(connection, id=operation["id"], said=said)
