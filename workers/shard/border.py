"""Which feeds are a shard's own. Known while its lock is held, and changed under it alone, at the marker END."""

from __future__ import annotations

from asyncpg import Connection

from schemas.agreement import division
from workers.database import Away


class Border:
    """A shard's own feeds are those whose id mod `modulus` is the shard; batches of others are strays."""

    def __init__(self, shard: int, modulus: int) -> None:
        self.shard = shard
        self.modulus = modulus

    def home(self, feed_id: int) -> int:
        """Return the shard that a feed belongs to, as seen from here."""
        return feed_id % self.modulus

    async def read(self, connection: Connection) -> None:
        """Read it over the connection that has the lock; raises `Away` while another shard applies our feeds."""
        divided = await division(connection)
        if divided is None:
            return
        if self.shard in divided.closed:
            raise Away(f"shard {self.shard} takes nothing over yet")
        self.modulus = divided.modulus_of(self.shard)
