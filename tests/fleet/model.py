"""Load that knows every confirm, and when it came."""

from __future__ import annotations

import time
from itertools import pairwise

from tests import fleets


class Model(fleets.Fleet):
    """Knows every confirm, and when it came."""

    def __init__(self, settings, publisher) -> None:
        super().__init__(settings, publisher)
        self.confirmed_at: list[float] = []

    async def post(self, feed, **more):
        batch = await super().post(feed, **more)
        self.confirmed_at.append(time.monotonic())
        return batch

    def longest_gap_s(self, since: float) -> float:
        """Return the longest time without any confirm since then."""
        times = [since, *(at for at in self.confirmed_at if at > since)]
        return max(later - earlier for earlier, later in pairwise(times))
