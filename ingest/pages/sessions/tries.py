"""What an address may do so often a minute: fail to sign in, look by a vendor's link. Each process counts its own."""

from __future__ import annotations

from collections import deque

from ingest.api.framework.recent import Recent

MOST, WITHIN_S = 10, 60.0
_MAX_ADDRESSES = 10_000


class Tries:
    """The tries of the last minute: `most`, then none."""

    def __init__(self, most: int = MOST) -> None:
        """Start with none."""
        self._most = most
        self._tried: Recent[str, deque[float]] = Recent(_MAX_ADDRESSES)

    def wait_s(self, address: str, now_s: float) -> float:
        """Return 0.0 when the address may try, else the seconds until it may."""
        tried = self._tried.get(address)
        while tried and tried[0] <= now_s - WITHIN_S:
            tried.popleft()
        return tried[0] + WITHIN_S - now_s if tried and len(tried) >= self._most else 0.0

    def count(self, address: str, now_s: float) -> None:
        """Count one; of too many addresses the one that tried longest ago is forgotten."""
        tried = self._tried.get(address) or deque(maxlen=self._most)
        tried.append(now_s)
        self._tried[address] = tried
