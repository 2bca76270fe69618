"""What an account's day still has room for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(slots=True)
class Purse:
    """One account's day: its limit (None: unlimited), what is used of it, and what a window wants and takes.

    `reserved` are places for items that were deferred before: they go first, whatever comes fresh meanwhile. Of what
    was `taken`, `redeemed` went to such items.
    """

    account_id: int
    day: date
    limit: int | None
    used: int = 0
    wanted: int = 0
    taken: int = 0
    reserved: int = 0
    redeemed: int = 0

    @property
    def room(self) -> int:
        """Return how many more feed variants the day takes for certain, without a limit as many as are wanted."""
        return self.wanted if self.limit is None else max(self.limit - self.used, 0)

    @property
    def contended(self) -> bool:
        """Return whether some of what is wanted fits, but not all: then who comes first must be settled by a lock."""
        return 0 < self.room < self.wanted + self.reserved

    @property
    def short(self) -> bool:
        """Return whether not everything that is wanted, or waits, fits."""
        return self.room < self.wanted + self.reserved

    def take(self, *, waited: bool) -> bool:
        """Take a place, if there is one for an item that has `waited`, or for a fresh one; return whether there was."""
        kept = 0 if waited else max(self.reserved - self.redeemed, 0)
        if self.taken + kept >= self.room:
            return False
        self.taken += 1
        self.redeemed += waited
        return True
