"""What the outside asks of a shard's owner, and the one bell that wakes it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from workers.shard.flight import GivenUp


@dataclass(slots=True)
class Signals:
    """`wake` is rung whenever there is something new to look at; `stopping` asks to finish what is in hand and end.

    `abandon` is why everything must be given back as it stands, for good; `renew` why a new consumer is wanted.
    """

    wake: asyncio.Event = field(default_factory=asyncio.Event)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    abandoned: str | None = None
    renew: str | None = None

    def check(self) -> None:
        """Raise `GivenUp` when what is in hand must be given back now."""
        why = self.abandoned or self.renew
        if why is not None:
            raise GivenUp(why)
