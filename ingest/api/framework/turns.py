"""Work that is too heavy to be done side by side at will: a few at once, a few waiting, and nobody takes all places."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

AT_ONCE, PER_ACCOUNT, IN_ALL = 2, 2, 8


class Turns:
    """The places of one kind of work in one process."""

    def __init__(self) -> None:
        """Start with all places free."""
        self._running = asyncio.Semaphore(AT_ONCE)
        self._of_account: Counter[int] = Counter()

    @asynccontextmanager
    async def turn(self, account_id: int) -> AsyncIterator[bool]:
        """Wait for a turn and hold it; False at once when the account, or the process, has too many already."""
        if self._of_account[account_id] >= PER_ACCOUNT or self._of_account.total() >= IN_ALL:
            yield False
            return
        self._of_account[account_id] += 1
        try:
            async with self._running:
                yield True
        finally:
            self._of_account[account_id] -= 1
            if not self._of_account[account_id]:
                del self._of_account[account_id]
