"""From what the broker delivers to the next window: decode in order, hand what is no batch to the dead exchange.

A message of a later release is not ours to judge: the shard stands still before it until a newer worker owns it. The
marker END of a doubling divides what comes: nothing behind it is decoded before all in front of it is done.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from schemas import metrics
from schemas.batches import Batch, NewerVersion, decode
from schemas.division import end_of
from schemas.errors import Permanent
from workers.amqp.consumer import Consumer
from workers.amqp.delivery import Delivery
from workers.clock import Clock
from workers.shard.border import Border
from workers.shard.builder import WindowBuilder


@dataclass(frozen=True, slots=True)
class End:
    """The marker END as it was delivered: its tag, and the number of shards that it tells."""

    tag: int
    shards: int


class Intake:
    """The deliveries of one consumer that are not in a window yet, and the window that is being built of them."""

    def __init__(self, consumer: Consumer, builder: WindowBuilder, border: Border, log: Any, clock: Clock) -> None:
        self._consumer = consumer
        self._clock = clock
        self._border = border
        self._redeliveries = metrics.REDELIVERIES.labels(border.shard)
        self._builder = builder
        self._log = log
        self.newer: str | None = None
        """Why the oldest delivery is left as it is: a message of a later release. Nothing behind it is taken."""
        self.end: End | None = None
        """Until it is passed; what the window still holds stands in front of it."""

    def __len__(self) -> int:
        """Return the number of deliveries."""
        return len(self._consumer.raw) + len(self._builder) + (self.end is not None)

    @property
    def batches(self) -> Iterable[Batch]:
        """The batches that are decoded, oldest first."""
        return self._builder.batches

    async def stage(self) -> None:
        """Decode deliveries until the window is full or none are left."""
        raw, builder = self._consumer.raw, self._builder
        epoch_s = self._clock.now().timestamp() - self._clock.monotonic() if raw else 0.0
        while raw and not builder.full and self.newer is None and self.end is None:
            message = raw.popleft()
            if message.redelivered:
                self._redeliveries.inc()
            if (shards := end_of(message.body)) is not None:
                self.end = End(message.tag, shards)
                return
            try:
                batch = decode(message.body)
            except NewerVersion as error:
                raw.appendleft(message)
                self.newer = str(error)
                return
            except Permanent as error:
                self._log.error("undecodable_message", error=str(error), size=len(message.body))
                await self._consumer.reject(message.tag)
                continue
            batch.delivered_ms = int((epoch_s + message.at) * 1000)
            reply_to, correlation_id = message.reply
            builder.offer(
                Delivery(
                    tag=message.tag,
                    batch=batch,
                    size=len(message.body),
                    at=message.at,
                    reply_to=reply_to,
                    correlation_id=correlation_id,
                    redelivered=message.redelivered,
                    properties=message.header,
                    message=None if self._border.home(batch.feed_id) == self._border.shard else message.body,
                )
            )

    @property
    def at_end(self) -> End | None:
        """Return END when nothing in front of it is left."""
        return None if len(self._builder) else self.end

    def due(self) -> float | None:
        """Return the monotonic time from which the window may go, -inf for at once, None when there is nothing."""
        return self._builder.due()

    def take(self) -> list[Delivery]:
        """Return the window and begin the next one."""
        return self._builder.take()
