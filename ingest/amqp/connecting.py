"""When a publisher connects anew: how long it waits for a broker that is away, and when it leaves one that is not."""

from __future__ import annotations

from typing import Final

FIRST_DELAY_S: Final = 0.1
LONGEST_DELAY_S: Final = 5.0
_SHORTEST_S: Final = 1.0
_LONGEST_S: Final = 60.0


class Refusals:
    """Whether a queue that refuses a message is full, or only says so to the connection that asks.

    At a channel's first message to a queue, RabbitMQ 3.10 registers the channel with the node that it last knew to lead
    the queue. If that node has just died, the channel is refused as if the queue were full, for as long as it lives,
    though the queue has a new leader; over a new connection it is taken (rabbit_fifo_client, `enqueue`; seen in the
    fleet's tests).
    """

    def __init__(self) -> None:
        self.taken: set[int] = set()
        """Shards whose queues have taken a message over this connection."""
        self._pause_s = _SHORTEST_S
        self._next_at: float | None = None

    def condemn(self, shard: int, now: float) -> bool:
        """Return whether to give up the connection: the shard's queue has refused a message, at `now` (seconds).

        Only a first message condemns. A queue that is full in truth refuses it again over the next connection, and
        everybody pays for a new one: so it is done less and less often, every second at first, every minute at last.
        """
        if shard in self.taken or (self._next_at is not None and now < self._next_at):
            return False
        again = self._next_at is not None and now - self._next_at < _LONGEST_S
        self._pause_s = min(self._pause_s * 2, _LONGEST_S) if again else _SHORTEST_S
        self._next_at = now + self._pause_s
        return True
