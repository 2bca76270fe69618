"""Whether RabbitMQ answers us: one small question after the other, over the connection that deliveries come by.

A connection that was cut says nothing: the library would need 12 s to find out, and a worker that gets no deliveries
must not hold shards for longer than its heartbeat's time-out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiormq.abc import AbstractChannel

from schemas.amqp.tap import AWAY
from workers.amqp.broker import Broker
from workers.clock import Clock
from workers.health import Health

_QUESTIONS = 5
"""Questions asked in the time after which no answer means that RabbitMQ is away."""


class Pulse:
    """Asks RabbitMQ, and remembers when it last answered."""

    def __init__(self, broker: Broker, health: Health, limit_s: float, clock: Clock) -> None:
        self._broker = broker
        self._health = health
        self._limit_s = limit_s
        self._monotonic = clock.monotonic
        self.changed: Callable[[], None] = lambda: None
        """Called when RabbitMQ answers (again)."""
        self._answered_at: float | None = None
        self._channel: AbstractChannel | None = None

    @property
    def beats(self) -> bool:
        """Whether the last answer is younger than the limit."""
        return self._answered_at is not None and self._monotonic() - self._answered_at < self._limit_s

    async def run(self) -> None:
        """Ask for ever; raises `Permanent` when the live topology is not what it must be."""
        while True:
            try:
                async with asyncio.timeout(self._limit_s):
                    await self._ask()
            except AWAY as error:
                self._channel = None
                self._health.trouble("rabbitmq", "pulse", error)
            await asyncio.sleep(self._limit_s / _QUESTIONS)

    async def _ask(self) -> None:
        """Ask something that needs an answer and changes nothing."""
        if self._channel is None or self._channel.is_closed:
            self._channel = await self._broker.channel()
        asked_at, was_well = self._monotonic(), self.beats
        await self._channel.basic_qos(prefetch_count=1)
        self._answered_at = asked_at
        self._health.well("rabbitmq", "pulse")
        if not was_well:
            self.changed()
