"""How many requests of an account wait for something to happen: bounded, so that nobody takes all there is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

MOST_OF_AN_ACCOUNT = 20


class Full(Exception):
    """As many as may are waiting; `most` is how many that is."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most


class Waiting:
    """Those who wait, by account, in this process."""

    def __init__(self, most: int = MOST_OF_AN_ACCOUNT) -> None:
        self._most = most
        self._count: Counter[int] = Counter()
        self.ended = False
        """Whether the process is about to stop: nobody waits on."""

    def end(self) -> None:
        """Ask all who wait to come to an end."""
        self.ended = True

    @contextmanager
    def one(self, account_id: int) -> Iterator[None]:
        """Count one more while the block runs; raises `Full`."""
        if self._count[account_id] >= self._most:
            raise Full(self._most)
        self._count[account_id] += 1
        try:
            yield
        finally:
            self._count[account_id] -= 1
            if not self._count[account_id]:
                del self._count[account_id]


WAITING = web.AppKey("waiting", Waiting)
