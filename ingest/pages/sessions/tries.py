"""Failed sign-ins by address: ten a minute, then none is looked at. Each process counts its own."""

from __future__ import annotations

from collections import OrderedDict, deque

MOST, WITHIN_S = 10, 60.0
_MAX_ADDRESSES = 10_000


class Tries:
    """The failed sign-ins of the last minute."""

    def __init__(self) -> None:
        """Start with none."""
        self._failed: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, address: str, now_s: float) -> float:
        """Return 0.0 when the address may try, else the seconds until it may."""
        failed = self._failed.get(address)
        while failed and failed[0] <= now_s - WITHIN_S:
            failed.popleft()
        return failed[0] + WITHIN_S - now_s if failed and len(failed) >= MOST else 0.0

    def failed(self, address: str, now_s: float) -> None:
        """Count one; of too many addresses the one that failed longest ago is forgotten."""
        self._failed.setdefault(address, deque(maxlen=MOST)).append(now_s)
        self._failed.move_to_end(address)
        if len(self._failed) > _MAX_ADDRESSES:
            self._failed.popitem(last=False)
