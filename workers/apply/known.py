"""What a worker knows of rows without asking: the hashes of items that change nothing, since it committed or read them.

A shard's rows have one writer, the session that holds its lock, so such a hash stays true until that session writes the
row again. What is known is a session's, and ends with it; what others may do is in docs/road.md ("Remembered hashes").
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import compress, islice, repeat
from operator import ne

from schemas.batches import Batch
from schemas.tables import external_ids
from workers.apply.compare import Hashed
from workers.apply.sheet import Sheet

REMEMBERED_FOR = timedelta(minutes=15)
"""Then all is forgotten: what an operator changes by hand is seen by then, and the items that come now find room."""


class Memory:
    """The room that the shards of a worker share: `left` items more may be remembered."""

    def __init__(self, items: int = 0) -> None:
        self.left = items
        self._known: set[Known] = set()
        self._since: datetime | None = None
        self.scarce: set[tuple[int, int]] = set()

    def begin(self) -> Known:
        """Return what a session knows as it begins: nothing."""
        known = Known(self)
        self._known.add(known)
        return known

    def end(self, known: Known) -> None:
        """Take the room back that a session had."""
        self._known.discard(known)

    def forget_old(self, now: datetime) -> None:
        """Forget everything once in `REMEMBERED_FOR`, and when the clock was set back."""
        if self._since is None or not self._since <= now < self._since + REMEMBERED_FOR:
            self._since = now
            self.scarce.clear()
            for known in self._known:
                known.clear()


class Known:
    """Of the feed variants of one session's shard: the hash of an item that changes nothing of the row."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._feeds: dict[int, dict[str, int]] = {}
        self._asked: tuple[Sheet, Hashed] | None = None

    @property
    def scarce(self) -> set[tuple[int, int]]:
        """Return the accounts' days (ids and ordinals) that lately had no room for all of a window."""
        return self._memory.scarce

    @contextmanager
    def during(self, now: datetime) -> Iterator[None]:
        """Do one window: what is asked for is forgotten unless it is learnt, and everything if the window fails."""
        self._memory.forget_old(now)
        try:
            yield
        except BaseException:
            self.clear()
            raise
        self._forget_asked()

    def unsettled(self, sheet: Sheet, hashed: Hashed) -> tuple[Sheet, Hashed]:
        """Return the lines whose items may change something: they must be asked for."""
        places: list[int] = []
        end = 0
        for feed, lines in sheet.spans:
            begin, end = end, end + lines
            rows = self._feeds.get(feed.id)
            if rows:
                differ = map(ne, map(rows.get, sheet.ids[begin:end]), hashed.items[begin:end])
                places += compress(range(begin, end), differ)
            else:
                places += range(begin, end)
        if len(places) < len(sheet):
            sheet, hashed = sheet.part(places), hashed.part(places)
        self._asked = sheet, hashed
        return sheet, hashed

    def learn(self) -> None:
        """Remember that what was asked for changes nothing any more, as it is committed; as far as there is room."""
        if self._asked is None:
            return
        (sheet, hashed), self._asked = self._asked, None
        pairs = zip(sheet.ids, hashed.items, strict=True)
        for feed, lines in sheet.spans:
            self._remember(feed.id, list(islice(pairs, lines)))

    def forget(self, batches: Iterable[Batch]) -> None:
        """Forget what is known of the feed variants that batches name."""
        for batch in batches:
            rows = self._feeds.get(batch.feed_id)
            if rows:
                self._forget(rows, external_ids(batch.items))

    def clear(self) -> None:
        """Forget everything."""
        self._memory.left += len(self)
        self._asked = None
        self._feeds.clear()

    def end(self) -> None:
        """Forget everything for good: the session is over."""
        self.clear()
        self._memory.end(self)
        self._memory = Memory()

    def __len__(self) -> int:
        """Return how many items are remembered."""
        return sum(map(len, self._feeds.values()))

    def _remember(self, feed_id: int, pairs: list[tuple[str, int]]) -> None:
        """Set what is remembered already, and add the others as long as there is room: catalogues come in cycles."""
        rows, left = self._feeds.get(feed_id, {}), self._memory.left
        if left < len(pairs):
            more = islice((pair for pair in pairs if pair[0] not in rows), left)
            pairs = [*(pair for pair in pairs if pair[0] in rows), *more]
        if pairs:
            before = len(rows)
            rows.update(pairs)
            self._memory.left -= len(rows) - before
            self._feeds[feed_id] = rows

    def _forget_asked(self) -> None:
        if self._asked is not None:
            (sheet, _), self._asked = self._asked, None
            ids = iter(sheet.ids)
            for feed, lines in sheet.spans:
                self._forget(self._feeds.get(feed.id, {}), islice(ids, lines))

    def _forget(self, rows: dict[str, int], ids: Iterable[str]) -> None:
        before = len(rows)
        try:
            deque(map(rows.pop, ids, repeat(None)), 0)
        finally:
            self._memory.left += before - len(rows)
