"""Replayed dead letters never go behind what came since: decided under the shard's lock, in the queue's order.

A key with a dead letter is watched (`dead_keys`): whatever is applied, deferred or deleted for it afterwards overtakes
the letter, also if it changes nothing. A replay that finds itself overtaken ends as `superseded`. Feeds without dead
letters pay one look at an empty index a window.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from asyncpg import Connection

from schemas.batches import Operation
from schemas.outcomes import Outcome
from schemas.tables import external_ids
from workers.apply.statements import ROAD
from workers.apply.work import Work

_NO_LETTER = 2**63 - 1
_SAYS_SOMETHING = (Operation.UPSERT, Operation.DELETE)
_SAID_NOTHING = (Outcome.REJECTED, Outcome.DEAD)
_NOTE = "a later value of {at:%Y-%m-%dT%H:%M:%SZ} came after this item had died"


async def without_overtaken(connection: Connection, works: Sequence[Work]) -> list[Work]:
    """Return the batches that are still to be applied; the replays among them that came too late are superseded."""
    replays = [work for work in works if work.batch.replays is not None]
    if not replays:
        return list(works)
    slots = [(work, slot) for work in replays for slot in range(len(work.outcomes))]
    rows = await connection.fetch(
        ROAD.overtaken_replays.sql,
        [work.feed.account_id for work, _ in slots],
        [work.feed.id for work, _ in slots],
        [work.batch.items[slot]["externalId"] for work, slot in slots],
        [work.batch.replays for work, _ in slots],
    )
    overtaken = {row["n"] - 1: row["overtaken_at"].astimezone(UTC) for row in rows} | _behind_newer(slots)
    late: set[int] = set()
    for place, at in overtaken.items():
        work, slot = slots[place]
        work.outcomes[slot] = Outcome.SUPERSEDED
        work.notes[slot] = {"code": "replay.overtaken", "message": _NOTE.format(at=at)}
        late.add(id(work))
    return [work for work in works if id(work) not in late]


def _behind_newer(slots: Sequence[tuple[Work, int]]) -> dict[int, datetime]:
    """Return which of a window's replays come behind that of a newer letter of their key, and when that came."""
    newest: dict[tuple[int, str], tuple[int, datetime]] = {}
    behind = {}
    for place, (work, slot) in enumerate(slots):
        key, letter = (work.feed.id, work.batch.items[slot]["externalId"]), work.batch.replays or 0
        known = newest.get(key)
        if known is not None and letter < known[0]:
            behind[place] = known[1]
        else:
            newest[key] = letter, _received_at(work)
    return behind


async def overtake(connection: Connection, works: Sequence[Work]) -> None:
    """Note what the batches overtake, and that the replays among them have arrived."""
    arrived = [work.batch.replays for work in works if work.batch.replays is not None]
    if arrived:
        await connection.execute(ROAD.replays_arrived.sql, arrived)
    said = list(_said(works))
    if said:
        await connection.execute(ROAD.overtake.sql, *map(list, zip(*said, strict=True)))


def _said(works: Sequence[Work]) -> Iterator[tuple[int, int, str, datetime, int]]:
    for work in works:
        batch = work.batch
        if not work.feed.has_dead or batch.operation not in _SAYS_SOMETHING:
            continue
        at = _received_at(work)
        letter = _NO_LETTER if batch.replays is None else batch.replays
        for external_id, outcome in zip(external_ids(batch.items), work.outcomes, strict=True):
            if outcome not in _SAID_NOTHING and not _is_late(work):
                yield work.feed.account_id, work.feed.id, external_id, at, letter


def _received_at(work: Work) -> datetime:
    return datetime.fromtimestamp(work.batch.received_ms / 1000, UTC)


def _is_late(work: Work) -> bool:
    return work.batch.replays is not None and all(outcome is Outcome.SUPERSEDED for outcome in work.outcomes)
