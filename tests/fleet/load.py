"""Eight vendors that post without a pause, and an account of every 202: what became of it, and how long none came.

A vendor's posts raise its one item's quantity by one each time, whether or not the last was answered 202: so no
quantity is written twice, and none that was confirmed after a higher one, unless something was applied twice or out of
order. Every second vendor is careful: it repeats a refused post under its Idempotency-Key until it is answered 202, and
none of its quantities may ever be written after a higher one. The others go on with the next.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import aiohttp
import psycopg

from ingest.edge.post import HASH_HEADERS, PATH
from ingest.http.idempotency import HEADER as IDEMPOTENCY_KEY
from tests import waiting

FEEDS = range(1, 9)
CAREFUL = FEEDS[::2]
PATIENCE_S = 180
until = partial(waiting.until, timeout_s=PATIENCE_S)
_POST_S = 30
_EVERY_S = 0.05
_AGAIN_S = 0.05
_WRITTEN = "SELECT feed_id, quantity, extract(epoch FROM pg_xact_commit_timestamp(xmin)) FROM written ORDER BY seq"


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A post that was answered 202, `at` that time; both times are in seconds since 1970."""

    feed: int
    batch_id: str
    quantity: int
    sent_at: float
    at: float


@dataclass(frozen=True, slots=True)
class Gaps:
    """The longest times, in seconds, in which one feed had no 202, and no commit; and what refused posts were told."""

    confirms_s: float
    commits_s: float
    refused: Counter[str]


class Load:
    """Posts to `url`; looks at the database `dsn`."""

    def __init__(self, url: str, dsn: str) -> None:
        self._url = url + PATH
        self._dsn = dsn
        self.confirmed: list[Confirmed] = []
        self.refused: list[tuple[float, str]] = []
        self._quantity: Counter[int] = Counter()

    @asynccontextmanager
    async def posting(self) -> AsyncIterator[None]:
        """Post for all feeds until the block ends."""
        done = asyncio.Event()
        limits = aiohttp.ClientTimeout(total=_POST_S)
        async with aiohttp.ClientSession(timeout=limits) as session:
            posting = [asyncio.create_task(self._post(session, feed, done)) for feed in FEEDS]
            try:
                await self.progress()
                yield
            finally:
                done.set()
                async with asyncio.timeout(PATIENCE_S):
                    await asyncio.gather(*posting)

    async def _post(self, session: aiohttp.ClientSession, feed: int, done: asyncio.Event) -> None:
        while not done.is_set():
            self._quantity[feed] += 1
            while not await self._accepted(session, feed, self._quantity[feed]):
                await asyncio.sleep(_AGAIN_S)
                if feed not in CAREFUL:
                    break
            else:
                await asyncio.sleep(_EVERY_S)

    async def _accepted(self, session: aiohttp.ClientSession, feed: int, quantity: int) -> bool:
        """Post once; return whether it was answered 202."""
        headers = {HASH_HEADERS[0]: f"hash {feed}"}
        if feed in CAREFUL:
            headers[IDEMPOTENCY_KEY] = str(quantity)
        body = [{"externalId": "a", "inventoryQuantity": quantity}]
        sent_at = time.time()
        try:
            async with session.post(self._url, json=body, headers=headers) as answer:
                if answer.status == 202:
                    batch_id = (await answer.json())["batchId"]
                    self.confirmed.append(Confirmed(feed, batch_id, quantity, sent_at, time.time()))
                    return True
                told = (await answer.json())["title"] if answer.content_type.endswith("json") else str(answer.status)
                self.refused.append((time.time(), told))
        except (aiohttp.ClientError, TimeoutError) as error:
            self.refused.append((time.time(), type(error).__name__))
        return False

    async def progress(self) -> None:
        """Wait until something sent from now on is confirmed on every feed, and all that is confirmed then is applied.

        What is under way may still be answered before what was just done to the fleet bites.
        """
        since = time.time()

        async def confirmed() -> bool:
            return {one.feed for one in self.confirmed if one.sent_at > since} == set(FEEDS)

        await until(confirmed, "a 202 on every feed")
        newest = {one.feed: one.quantity for one in self.confirmed}

        async def applied() -> bool:
            stored = await self.fetch("SELECT feed_id, inventory_quantity FROM feed_variants")
            return all(dict(stored).get(feed, 0) >= quantity for feed, quantity in newest.items())

        await until(applied, f"progress to {newest}")

    async def settled(self) -> int:
        """Wait until every 202 has its receipt; then check that each has one alone, that nothing was written twice,
        that no 202 took a value back, and of careful vendors nothing did.

        Returns how many posts of the others took one back that were *not* answered 202: the broker had them all the
        same, and they came behind what was posted after them.
        """
        sent = {one.batch_id for one in self.confirmed}
        assert len(sent) == len(self.confirmed)

        async def receipts() -> Counter[str]:
            return Counter(str(row[0]) for row in await self.fetch("SELECT batch_id FROM receipts"))

        async def complete() -> bool:
            return sent <= (await receipts()).keys()

        try:
            await until(complete, "a receipt for every 202")
        except AssertionError:
            raise AssertionError(f"lost: {sorted(sent - (await receipts()).keys())[:20]}") from None
        assert {} == {batch: times for batch, times in (await receipts()).items() if times > 1}
        assert [] == await self.fetch("SELECT code, reason FROM dead_letters LIMIT 5")
        confirmed = {(one.feed, one.quantity) for one in self.confirmed}
        written = [(feed, quantity) for feed, quantity, _ in await self.fetch(_WRITTEN)]
        assert {} == {value: times for value, times in Counter(written).items() if times > 1}
        assert [] == [value for value in went_back(written) if value in confirmed or value[0] in CAREFUL]
        newest = {one.feed: one.quantity for one in self.confirmed}
        stored = dict(await self.fetch("SELECT feed_id, inventory_quantity FROM feed_variants"))
        stale = {feed: now for feed, now in stored.items() if now < newest[feed] and (feed, now) in confirmed}
        assert {} == stale
        return len(went_back(written))

    async def gaps(self, since: float) -> Gaps:
        """Return the longest gaps since then (seconds since 1970) until now."""
        confirms, commits = defaultdict(list), defaultdict(list)
        for one in self.confirmed:
            confirms[one.feed].append(one.at)
        for feed, _, at in await self.fetch(_WRITTEN):
            commits[feed].append(float(at))
        now = time.time()
        return Gaps(
            max(_longest(confirms[feed], since, now) for feed in FEEDS),
            max(_longest(commits[feed], since, now) for feed in FEEDS),
            Counter(told for at, told in self.refused if at > since),
        )

    async def fetch(self, sql: str) -> list[Any]:
        """Run one statement, as soon as a Postgres takes it."""

        def run() -> list[Any]:
            with psycopg.connect(self._dsn, connect_timeout=2) as connection:
                return connection.execute(sql).fetchall()

        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    return await asyncio.to_thread(run)
                except psycopg.OperationalError:
                    await asyncio.sleep(0.1)


def went_back(written: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return what was written, of (feed, quantity) in order of time, after a higher quantity of its feed."""
    highest: Counter[int] = Counter()
    found = []
    for feed, quantity in written:
        if quantity < highest[feed]:
            found.append((feed, quantity))
        highest[feed] = max(highest[feed], quantity)
    return found


def _longest(times: Iterable[float], since: float, now: float) -> float:
    """Return the longest time without any of `times`, from since to now."""
    inside = [since, *sorted(at for at in times if since < at < now), now]
    return max(later - earlier for earlier, later in pairwise(inside))
