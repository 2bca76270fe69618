"""What all shards of a worker share, handed down from the composition root."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from schemas.batches import Batch
from schemas.settings import Settings
from workers.amqp.broker import Broker
from workers.amqp.delivery import Delivery
from workers.amqp.outlet import Outlet
from workers.apply import BatchResult, Known, Memory, WindowResult
from workers.clock import Clock
from workers.health import Health
from workers.shard.builder import Lull
from workers.shard.turns import Turns

Apply = Callable[[Any, Sequence[Batch], datetime, Known], Awaitable[WindowResult]]
"""`workers.apply.apply_window`."""
Reply = Callable[[Delivery, BatchResult], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Tools:
    """Settings, connections and clocks of one worker, and what it does with a window."""

    settings: Settings
    worker_id: uuid.UUID
    broker: Broker
    health: Health
    apply: Apply
    reply: Reply
    outlet: Outlet
    clock: Clock = field(default_factory=Clock)
    turns: Turns = field(default_factory=Turns)
    memory: Memory = field(default_factory=Memory)
    lull: Lull = field(default_factory=Lull)
