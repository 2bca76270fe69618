"""Claim the batches of a window: what was seen before is left alone, what is of a feed that is gone is rejected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from asyncpg import Connection

from schemas.batches import Batch, made_at_ms
from schemas.outcomes import Outcome
from schemas.usage import account_day, zone
from workers.apply import receipts
from workers.apply.arrays import numbers, words
from workers.apply.statements import ROAD, window_feeds
from workers.apply.statements import write_receipts as receipts_statement
from workers.apply.work import Feed, Work

_NONE: frozenset[str] = frozenset()
_OUTCOMES = [outcome.value for outcome in Outcome]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def claim(
    connection: Connection, batches: Sequence[Batch], *, look: bool = True, hold: bool = True
) -> list[Work | None]:
    """Return the work of each batch, None for one that was seen before.

    To `hold` the feeds keeps them from being deleted before the transaction ends.

    To look costs a scan of every partition of receipts. If not asked to, a batch that was seen is claimed once more
    and breaks the receipts' key when it is written (`blame.was_seen`): a message that comes again has its receive time
    too. An id that is made of a sender's key or of a name may come in another message, so for those it looks always.
    """
    feed_ids = sorted({batch.feed_id for batch in batches})
    if not look and all(made_at_ms(batch.batch_id) is not None for batch in batches):
        rows = await connection.fetch(window_feeds(look=False, hold=hold), feed_ids)
        return _works(batches, rows, [])
    asked = (
        [batch.account_id for batch in batches],
        [batch.batch_id for batch in batches],
        [_time(batch.received_ms) for batch in batches],
    )
    rows = await connection.fetch(window_feeds(look=True, hold=hold), *asked, feed_ids)
    # Where all feeds are gone nothing stands beside them.
    seen = rows[0]["seen"] if rows else [row["n"] for row in await connection.fetch(ROAD.seen_batches.sql, *asked)]
    return _works(batches, rows, seen)


def _works(batches: Sequence[Batch], rows: Sequence[Any], seen: Sequence[int]) -> list[Work | None]:
    """Return the works of batches; `rows` are their feeds', `seen` the numbers, from 1, of those seen before."""
    feeds = {row["id"]: _feed(row) for row in rows}
    told = any(feed.keeps_events for feed in feeds.values())
    done = {number - 1 for number in seen}
    ids: set[UUID] = set()
    works: list[Work | None] = []
    for place, batch in enumerate(batches):
        if place in done or batch.batch_id in ids:
            works.append(None)
            continue
        ids.add(batch.batch_id)
        works.append(_work(batch, feeds.get(batch.feed_id), place, told=told))
    return works


async def write_receipts(connection: Connection, works: Sequence[Work], now: datetime) -> None:
    """Write the receipts, which are the claims too, and add what the feeds did to their minutes."""
    await connection.execute(receipts_statement(), *receipts_of(works, now))


def receipts_of(works: Sequence[Work], now: datetime) -> list[Any]:
    """Return the parameters of the feeds' minutes, and behind them those of the receipts."""
    encoded = [receipts.encode(work) for work in works]
    minutes = minutes_of(works, [counts for counts, _ in encoded], now)
    batches = [work.batch for work in works]
    return [
        now.replace(second=0, microsecond=0),
        *map(numbers, zip(*minutes, strict=True)),
        now,
        numbers([batch.account_id for batch in batches]),
        words([batch.batch_id.hex for batch in batches]),
        numbers([batch.received_ms for batch in batches]),
        numbers([batch.feed_id for batch in batches]),
        numbers([batch.run_id for batch in batches]),
        words([batch.source for batch in batches]),
        b"\n".join([orjson.dumps(counts) for counts, _ in encoded]).decode(),
        b"\n".join([items for _, items in encoded]).decode(),
        numbers([batch.delivered_ms for batch in batches]),
    ]


def minutes_of(works: Sequence[Work], counts: Sequence[Mapping[str, int]], now: datetime) -> list[tuple[int, ...]]:
    """Return a row a feed, sorted by key: account id, feed id, items by outcome, the greatest lag in milliseconds."""
    now_ms = int(now.timestamp() * 1000)
    feeds: dict[tuple[int, int], dict[str, int]] = {}
    lags: dict[tuple[int, int], int] = {}
    for work, counted in zip(works, counts, strict=True):
        batch = work.batch
        key = batch.account_id, batch.feed_id
        own = feeds.setdefault(key, dict.fromkeys(_OUTCOMES, 0))
        for outcome, number in counted.items():
            own[outcome] += number
        lags[key] = max(lags.get(key, 0), now_ms - batch.received_ms)
    return [(*key, *feeds[key].values(), lags[key]) for key in sorted(feeds)]


def _feed(row: Any) -> Feed:
    return Feed(
        id=row["id"],
        account_id=row["account_id"],
        daily_sku_limit=row["daily_sku_limit"],
        time_zone=zone(row["time_zone"]),
        rejects_over_limit=row["over_limit"] == "reject",
        connects=row["automatically_connect"],
        connects_by_barcode=row["automatically_connect_by_barcode"],
        ignores_sku_case=row["case_insensitive_skus"],
        has_deferred=row["has_deferred"],
        keeps_changes=row["keeps_changes"],
        events=frozenset(row["events"]) if row["events"] else _NONE,
        has_dead=row["has_dead"],
        keeps_events=row["keeps_events"],
    )


def _work(batch: Batch, feed: Feed | None, place: int, *, told: bool) -> Work:
    if feed is None or feed.account_id != batch.account_id:
        feed = Feed.gone(batch.feed_id, batch.account_id)
    day = account_day(batch.received_ms, feed.time_zone)
    work = Work(batch, feed, day, place=place, told=told)
    if not feed.exists:
        for slot in range(len(batch.items)):
            work.reject(slot, "feed.deleted", "the feed was deleted while the batch waited")
    return work


def _time(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)
