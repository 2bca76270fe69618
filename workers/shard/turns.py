"""How many windows of one worker are with Postgres at a time: the windows of its other shards fill meanwhile.

A window of one batch costs three times as much an item as a full one. So a shard whose window is due takes a turn
before it closes the window; when there is none it stands in line, and the window goes on filling until one is free.
Where little comes there is always a turn, and nothing waits. Pure but for the timer that is handed in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

LONGEST_S = 0.1
"""A turn that lasts longer counts no more: a shard that waits for a lock, or for Postgres, holds no other one up for
longer than this."""


class Timer(Protocol):
    """What a call that was put off can do."""

    def cancel(self) -> None:
        """Never make it."""


Later = Callable[[float, Callable[[], None]], Timer]
"""Calls something after so many seconds."""


class Turns:
    """The turns of one worker."""

    def __init__(self, places: int = 1, later: Later | None = None) -> None:
        self._free = places
        self._later = later or _by_the_loop
        self._line: dict[Turn, None] = {}

    def of(self, wake: Callable[[], None]) -> Turn:
        """Return a shard's own; `wake` is called when it gets the turn that it stood in line for."""
        return Turn(self, wake)

    def take(self, turn: Turn) -> None:
        """Give the turn, or let it stand in line."""
        if self._free:
            self._free -= 1
            self._give(turn)
        else:
            self._line[turn] = None

    def leave(self, turn: Turn) -> None:
        """Take a turn back, or out of the line."""
        self._line.pop(turn, None)
        if turn.timer is not None:
            turn.timer.cancel()
            self._pass_on(turn)

    def _give(self, turn: Turn) -> None:
        turn.taken = True
        turn.timer = self._later(LONGEST_S, lambda: self._pass_on(turn))

    def _pass_on(self, turn: Turn) -> None:
        turn.timer = None
        following = next(iter(self._line), None)
        if following is None:
            self._free += 1
            return
        del self._line[following]
        self._give(following)
        following.wake()


class Turn:
    """One shard's turn: whether it is `taken`."""

    def __init__(self, turns: Turns, wake: Callable[[], None]) -> None:
        self._turns = turns
        self.wake = wake
        self.taken = False
        self.waits = False
        """Whether it stands in line."""
        self.timer: Timer | None = None
        """Ends it for the others; None when it does not count."""

    def take(self) -> bool:
        """Return whether it is ours; if not, `wake` tells when it is."""
        if not self.taken and not self.waits:
            self._turns.take(self)
        self.waits = not self.taken
        return self.taken

    def leave(self) -> None:
        """Give it back, or leave the line."""
        self._turns.leave(self)
        self.taken = self.waits = False


def _by_the_loop(seconds: float, call: Callable[[], None]) -> Timer:
    return asyncio.get_running_loop().call_later(seconds, call)
