"""Dead letters in Postgres: store, find, replay, discard. For workers, the API and the command line alike.

A replay publishes the payload as a fresh batch, received now, and marks the dead letter when the broker has confirmed
it. What came for the same key since the item died is newer and stays: the replay then ends as `superseded`, in its
receipt. The fresh id is derived from the dead letter's, so that a replay that was cut short between the two and is
done again is applied once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Literal
from uuid import UUID

import orjson
from asyncpg import Connection

from schemas import queries
from schemas.batches import Batch, decode, keyed_batch_id
from schemas.errors import Permanent

Status = Literal["dead", "replayed", "discarded"]
Publish = Callable[[Batch], Awaitable[None]]
"""Returns when the broker has confirmed the batch; raises `Transient`."""
EDITED = "replay.edited"
"""The code of the warning in the receipt of a replay whose item was edited."""
MAX_FOUND = 1_000
MAX_REASON = 1_000
_SQL = queries.load("dead_letters")


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One item that could not be applied, or one message that could not be read (then most is None).

    `payload` is a message body (`schemas.batches`): a batch of the one item, or whatever the broker gave up on.
    """

    account_id: int | None
    feed_id: int | None
    batch_id: UUID | None
    external_id: str | None
    code: str
    reason: str
    payload: bytes
    received_at: datetime | None
    id: int = 0
    dead_at: datetime | None = None
    status: Status = "dead"
    settled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which dead letters are meant; None is any. `account_id` None is for operators only.

    `cause` is the SQL function `dead_cause` of the reason.
    """

    account_id: int | None
    ids: Sequence[int] | None = None
    feed_id: int | None = None
    code: str | None = None
    status: Status | None = None
    after: int = 0
    limit: int = MAX_FOUND
    cause: str | None = None


def of_item(batch: Batch, slot: int, code: str, reason: str) -> DeadLetter:
    """Return the dead letter of one item of a batch; its payload is a batch of just this item."""
    index = slot if batch.indexes is None else batch.indexes[slot]
    alone = replace(batch, items=[batch.items[slot]], indexes=[index], rejected=[], warnings=[])
    return DeadLetter(
        account_id=batch.account_id,
        feed_id=batch.feed_id,
        batch_id=batch.batch_id,
        external_id=batch.items[slot]["externalId"],
        code=code,
        reason=reason,
        payload=alone.encode(),
        received_at=datetime.fromtimestamp(batch.received_ms / 1000, UTC),
    )


def unreadable(body: bytes, code: str, reason: str) -> DeadLetter:
    """Return the dead letter of a message that is no batch: it is kept, and cannot be replayed."""
    return DeadLetter(None, None, None, None, code, reason, body, None)


async def store(connection: Connection, letters: Sequence[DeadLetter], now: datetime) -> None:
    """Store dead letters in the caller's transaction."""
    await connection.execute(
        _SQL.store.sql,
        now,
        [letter.account_id for letter in letters],
        [letter.feed_id for letter in letters],
        [letter.batch_id for letter in letters],
        [letter.external_id for letter in letters],
        [letter.code for letter in letters],
        [letter.reason[:MAX_REASON].replace("\0", "") for letter in letters],
        [letter.payload for letter in letters],
        [letter.received_at for letter in letters],
    )


async def find(connection: Connection, wanted: Filter) -> list[DeadLetter]:
    """Return what the filter means, at most `limit` (up to `MAX_FOUND`), by id."""
    rows = await connection.fetch(
        _SQL.find.sql,
        wanted.account_id,
        None if wanted.ids is None else list(wanted.ids),
        wanted.feed_id,
        wanted.code,
        wanted.status,
        wanted.after,
        min(wanted.limit, MAX_FOUND),
        wanted.cause,
    )
    return [_letter(row) for row in rows]


async def replay(
    connection: Connection, wanted: Filter, publish: Publish, *, now: datetime, key: bytes
) -> tuple[list[int], list[int]]:
    """Publish what the filter means as fresh batches; return the ids of what was replayed and what cannot be read.

    `key` is the secret key of the settings. Raises what `publish` raises; what was replayed until then is marked.
    """
    replayed: list[int] = []
    unreadable: list[int] = []
    for found in await find(connection, replace(wanted, status="dead")):
        try:
            batches = fresh(found, now, key)
        except Permanent:
            unreadable.append(found.id)
            continue
        if await send(connection, found.id, batches, publish, now):
            replayed.append(found.id)
    return replayed, unreadable


async def send(
    connection: Connection, letter_id: int, batches: Sequence[Batch], publish: Publish, now: datetime
) -> bool:
    """Publish what a dead letter is replayed as, and mark it; return False where somebody else is at it, or was.

    Raises what `publish` raises; the letter is dead still.
    """
    async with connection.transaction():
        if await connection.fetchrow(_SQL.hold.sql, letter_id) is None:
            return False
        for batch in batches:
            await publish(batch)
        await settle(connection, [letter_id], "replayed", now)
        return True


async def discard(connection: Connection, wanted: Filter, *, now: datetime) -> list[int]:
    """Mark what the filter means as discarded; return the ids. They stay listed, with their payload."""
    ids = [letter.id for letter in await find(connection, replace(wanted, status="dead"))]
    return await settle(connection, ids, "discarded", now)


async def settle(connection: Connection, ids: Sequence[int], status: Status, now: datetime) -> list[int]:
    """Mark those of these that are dead; return their ids."""
    return [row["id"] for row in await connection.fetch(_SQL.settle.sql, list(ids), status, now)]


async def restore(connection: Connection, ids: Sequence[int]) -> list[int]:
    """Take the mark of discarded ones back; return their ids. What came for their keys meanwhile is known."""
    return [row["id"] for row in await connection.fetch(_SQL.restore.sql, list(ids))]


def fresh(letter: DeadLetter, now: datetime, key: bytes) -> list[Batch]:
    """Return a batch for each item of the payload, because each may have been overtaken by something later."""
    batch = decode(letter.payload)
    names = [f"dead-letter:{letter.id}"] + [f"dead-letter:{letter.id}:{slot}" for slot in range(1, len(batch.items))]
    return [
        replace(
            batch,
            batch_id=keyed_batch_id(batch.feed_id, name, key),
            received_ms=int(now.timestamp() * 1000),
            items=[item],
            indexes=None if batch.indexes is None else [batch.indexes[slot]],
            rejected=[],
            warnings=[],
            replays=letter.id,
        )
        for slot, (name, item) in enumerate(zip(names, batch.items, strict=True))
    ]


def edited(batch: Batch, item: dict[str, Any], key: bytes) -> Batch:
    """Return a fresh batch of one item with that item as somebody edited it; its receipt says which attributes.

    Its id is its own: the item as it was may have been published before a replay was cut short.
    """
    (before,), (index,) = batch.items, batch.indexes or (0,)
    names = [name for name in {**before, **item} if before.get(name) != item.get(name)]
    told = {"code": EDITED, "message": f"edited before its replay: {', '.join(names) or 'nothing'}"}
    digest = blake2b(orjson.dumps(item, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()
    return replace(
        batch,
        batch_id=keyed_batch_id(batch.feed_id, f"dead-letter:{batch.replays}:edited:{digest}", key),
        items=[item],
        warnings=[{"index": index, "externalId": item["externalId"], **told}],
    )


def _letter(row: Any) -> DeadLetter:
    return DeadLetter(**dict(row))
