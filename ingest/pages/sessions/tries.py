"""What an address may do so often a minute: fail to sign in, look by a vendor's link. Each process counts its own."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from ingest.api.framework.recent import Recent

MOST, WITHIN_S = 10, 60.0
_MAX_ADDRESSES = 10_000


class Tries:
    """The tries of the last minute by `clock` (seconds): `most`, then none."""

    def __init__(self, most: int = MOST, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with none."""
        self._most, self.clock = most, clock
        self._tried: Recent[str, deque[float]] = Recent(_MAX_ADDRESSES)

    def wait_s(self, address: str) -> float:
        """Return 0.0 when the address may try, else the seconds until it may."""
        tried, now_s = self._tried.get(address), self.clock()
        while tried and tried[0] <= now_s - WITHIN_S:
            tried.popleft()
        return tried[0] + WITHIN_S - now_s if tried and len(tried) >= self._most else 0.0

    def count(self, address: str) -> None:
        """Count one; of too many addresses the one that tried longest ago is forgotten."""
        tried = self._tried.get(address) or deque(maxlen=self._most)
        tried.append(self.clock())
        self._tried[address] = tried
