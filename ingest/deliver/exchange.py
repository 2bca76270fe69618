"""The queue out: each change to the topic exchange `feedline.changes`, by account and feed, confirmed."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import orjson
from aiormq.abc import AbstractChannel
from pamqp.commands import Basic

from ingest.deliver.deliverer import Refused
from ingest.deliver.message import Message
from schemas.amqp.tap import AWAY, Link, open_link
from schemas.topology import CHANGES_EXCHANGE

TIMEOUT_S = 15.0
_HEARTBEAT_S = 8


class Exchange:
    """The way to endpoints of the kind queue."""

    def __init__(self, address: str, name: str) -> None:
        """`address` may name several brokers, by commas; `name` is shown in RabbitMQ's list of connections."""
        self._address = address
        self._name = name
        self._link: Link | None = None
        self._channel: AbstractChannel | None = None
        self._opening = asyncio.Lock()

    async def send(self, endpoint: Any, message: Message, now: datetime) -> None:  # noqa: ARG002 - a way's
        """Publish a message's changes in their order and wait for all confirms; `message_id` is the change's id."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                channel = await self._open()
                await asyncio.gather(*(self._publish(channel, endpoint, change) for change in message.content))
        except AWAY as error:
            raise Refused(f"rabbitmq: {type(error).__name__}: {error}") from None

    async def close(self) -> None:
        """Close the connection."""
        if self._link is not None:
            await self._link.close()
            self._link = None

    async def _publish(self, channel: AbstractChannel, endpoint: Any, change: dict[str, Any]) -> None:
        properties = Basic.Properties(content_type="application/json", delivery_mode=2, message_id=change["id"])
        key = f"{endpoint['account_id']}.{change['inventoryFeedId']}"
        body = orjson.dumps(change)
        # Nobody has to have bound a queue: then nobody is told, and that is confirmed too.
        await channel.basic_publish(body, exchange=CHANGES_EXCHANGE, routing_key=key, properties=properties)

    async def _open(self) -> AbstractChannel:
        async with self._opening:
            if self._channel is None or self._channel.is_closed:
                await self.close()
                self._link = await open_link(self._address, self._name, _HEARTBEAT_S)
                channel = await self._link.connection.channel(publisher_confirms=True)
                await channel.exchange_declare(CHANGES_EXCHANGE, exchange_type="topic", durable=True)
                self._channel = channel
            return self._channel
