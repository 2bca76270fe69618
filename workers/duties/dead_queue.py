"""What the broker gave up on, from the dead queue to the table of dead letters; acked after the commit.

Two kinds of messages come here: batches delivered more often than the delivery limit, because whoever got them died
each time, and messages that we rejected because they are no batches.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg
import orjson

from schemas import dead_letters, metrics, queries
from schemas.amqp.tap import AWAY
from schemas.batches import Batch, decode
from schemas.dead_letters import DeadLetter
from schemas.errors import Permanent
from schemas.logs import structlog
from schemas.outcomes import Outcome
from schemas.tables import external_ids
from schemas.topology import DEAD_QUEUE
from workers.amqp.broker import Broker
from workers.amqp.consumer import Consumer, QueueGone
from workers.amqp.deliveries import Message
from workers.clock import Clock

UPKEEP = queries.load("upkeep", beside=__file__)
PREFETCH = 32
UNDECODABLE = "undecodable"
_UNFIT = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, ValueError, TypeError, KeyError)
_WORDS = {
    "delivery_limit": "delivered more often than the delivery limit: each worker that had it died or lost the broker",
    "rejected": "rejected by a worker",
    "expired": "expired in its queue",
    "maxlen": "dropped from a full queue",
}
_log = structlog.get_logger()


class DeadQueue:
    """The duty of storing dead messages."""

    def __init__(self, broker: Broker, clock: Clock) -> None:
        self._broker = broker
        self._clock = clock

    async def serve(self, connection: asyncpg.Connection) -> None:
        """Move messages from the dead queue to Postgres; ends when the channel is over."""
        wake = asyncio.Event()
        connection.add_termination_listener(lambda _: wake.set())
        consumer = Consumer(*await self._broker.tapped_channel(), wake.set)
        try:
            await consumer.start(DEAD_QUEUE, PREFETCH)
            while not (consumer.over or consumer.cancelled or connection.is_closed()):
                while consumer.raw:
                    message = consumer.raw.popleft()
                    await store(connection, message, self._clock.now())
                    await consumer.ack(message.tag)
                await wake.wait()
                wake.clear()
        except QueueGone:
            await self._broker.declare()
        except AWAY as error:
            _log.warning("channel_lost", who="dead letters", error=f"{type(error).__name__}: {error}")
        finally:
            await consumer.close()


async def store(connection: asyncpg.Connection, message: Message, now: datetime) -> None:
    """Store a dead message, with a receipt of dead items if it is a batch that Postgres can take."""
    code, reason = cause(dict(message.properties.headers or {}))
    try:
        batch = decode(message.body)
    except Permanent as error:
        await _store(connection, message, [dead_letters.unreadable(message.body, UNDECODABLE, str(error))], None, now)
        return
    letters = [dead_letters.of_item(batch, slot, code, reason) for slot in range(len(batch.items))]
    try:
        await _store(connection, message, letters or [dead_letters.unreadable(message.body, code, reason)], batch, now)
    except _UNFIT as error:
        letter = dead_letters.unreadable(message.body, UNDECODABLE, f"not a batch: {error}")
        await _store(connection, message, [letter], None, now)


async def _store(
    connection: asyncpg.Connection, message: Message, letters: Sequence[DeadLetter], batch: Batch | None, now: datetime
) -> None:
    async with connection.transaction():
        if message.redelivered and await UPKEEP.dead_message_is_stored(connection, payload=message.body):
            return
        if batch is not None:
            known = {
                "account_id": batch.account_id,
                "batch_id": batch.batch_id,
                "received_at": datetime.fromtimestamp(batch.received_ms / 1000, UTC),
            }
            if await UPKEEP.batch_was_applied(connection, **known):
                _log.info("dead_letter_was_applied", batch_id=str(batch.batch_id), feed_id=batch.feed_id)
                return
            counts, items = receipt_of(batch, letters[0].code, letters[0].reason)
            rest = {"feed_id": batch.feed_id, "run_id": batch.run_id, "source": batch.source.value}
            await UPKEEP.write_dead_receipt(connection, **known, **rest, counts=counts, items=items)
        await dead_letters.store(connection, letters, now)
    metrics.DEAD_LETTERS.labels(letters[0].code).inc(len(letters))
    where = {} if batch is None else {"batch_id": str(batch.batch_id), "feed_id": batch.feed_id}
    _log.error("dead_letter_stored", code=letters[0].code, reason=letters[0].reason, items=len(letters), **where)


def cause(headers: dict[str, Any]) -> tuple[str, str]:
    """Return the code and the reason that a dead message's headers tell.

    RabbitMQ writes `x-first-death-reason` and `x-first-death-queue`, and one entry a queue and reason into `x-death`
    (https://www.rabbitmq.com/docs/dlx#effects).
    """
    deaths = headers.get("x-death") or [{}]
    why = str(headers.get("x-first-death-reason") or deaths[-1].get("reason") or "unknown")
    queue = str(headers.get("x-first-death-queue") or deaths[-1].get("queue") or "unknown")
    return f"broker.{why}", f"{_WORDS.get(why, why)} (queue {queue})"


def receipt_of(batch: Batch, code: str, reason: str) -> tuple[str, bytes]:
    """Return a receipt's `counts` and `items` as stored: every item dead, beside those that the edge refused."""
    dead, rejected = Outcome.DEAD.value, Outcome.REJECTED.value
    indexes = batch.indexes or range(len(batch.items))
    items = [
        {"index": index, "externalId": external_id, "outcome": dead, "code": code, "message": reason}
        for index, external_id in zip(indexes, external_ids(batch.items), strict=True)
    ]
    items += [{**reject, "outcome": rejected} for reject in batch.rejected]
    counts = {dead: len(batch.items)}
    if refused := len({reject["index"] for reject in batch.rejected}):
        counts[rejected] = refused
    return orjson.dumps(counts).decode(), orjson.dumps(sorted(items, key=lambda line: line["index"]))
