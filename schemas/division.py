"""How feeds are divided among shards: by their number and, while it is being doubled, by how far that has come.

Each new shard takes over half of the feeds of its parent: shard `s` of 16 those of `s - 8` whose id mod 16 is `s`.
Until it does it is closed: its queue fills, its parent applies. The marker END in the parent's queue is where one ends
and the other begins (docs/fleet.md, "Doubling the shards").
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

_END = b'{"end":'


@dataclass(frozen=True, slots=True)
class Division:
    """The number of shards, and those of them that are closed: they take nothing over yet."""

    shards: int
    closed: frozenset[int] = frozenset()

    @property
    def open(self) -> list[int]:
        """Return the shards that are to be consumed, in order."""
        return [shard for shard in range(self.shards) if shard not in self.closed]

    def shard_of(self, feed_id: int) -> int:
        """Return the shard that applies a feed's batches."""
        shard = feed_id % self.shards
        return shard if shard not in self.closed else shard - self.shards // 2

    def modulus_of(self, shard: int) -> int:
        """Return the number by which the feeds of an open shard are known: their id mod it is the shard."""
        half = self.shards // 2
        return half if shard + half in self.closed else self.shards


def end_message(shards: int) -> bytes:
    """Return the marker's message: from here on, feeds are divided among so many shards."""
    return orjson.dumps({"end": shards})


def end_of(body: bytes) -> int | None:
    """Return the number of shards that a marker tells; None for a message that is none."""
    if not body.startswith(_END):
        return None
    digits = body[len(_END) : -1]
    return int(digits) if digits.isdigit() and body == end_message(int(digits)) else None
