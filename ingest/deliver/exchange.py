"""The queue out: each change to the topic exchange `feedline.changes`, by account and feed, confirmed."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import aiormq
import orjson
from aiormq.abc import AbstractChannel, AbstractConnection
from pamqp.commands import Basic

from ingest.deliver.deliverer import Refused
from ingest.deliver.message import Message
from schemas.topology import CHANGES_EXCHANGE

TIMEOUT_S = 15.0
_AWAY = (aiormq.exceptions.AMQPError, OSError, TimeoutError, RuntimeError)


class Exchange:
    """The way to endpoints of the kind queue."""

    def __init__(self, url: str, name: str) -> None:
        """`name` is shown in RabbitMQ's list of connections."""
        self._url = url
        self._name = name
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None
        self._opening = asyncio.Lock()

    async def send(self, endpoint: Any, message: Message, now: datetime) -> None:  # noqa: ARG002 - a way's
        """Publish a message's changes in their order and wait for all confirms; `message_id` is the change's id."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                channel = await self._open()
                await asyncio.gather(*(self._publish(channel, endpoint, change) for change in message.content))
        except _AWAY as error:
            raise Refused(f"rabbitmq: {type(error).__name__}: {error}") from None

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None and not self._connection.is_closed:
            await self._connection.close()

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
                self._connection = await aiormq.connect(self._url, client_properties={"connection_name": self._name})
                channel = await self._connection.channel(publisher_confirms=True)
                await channel.exchange_declare(CHANGES_EXCHANGE, exchange_type="topic", durable=True)
                self._channel = channel
            return self._channel
