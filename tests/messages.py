"""Records the messages of this code as its edge, API and puller publish them, whole, and what its workers made of them.

Beside a fresh `make run`, once a release: `.venv/bin/python -m tests.messages tests/fixtures/releases/VERSION.json`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiormq
import asyncpg
from aiohttp import ClientSession

from schemas.settings import Settings
from schemas.topology import MOST_SHARDS, SHARDS_EXCHANGE, shard_queue, slot_key

SHARDS = Settings.model_fields["shards"].default
STACK = Path(__file__).parents[1] / ".local" / "stack.json"
PROPERTIES = ("content_type", "delivery_mode", "message_id", "reply_to", "correlation_id", "headers")
TIMEOUT_S = 120
OUTCOMES = "SELECT counts FROM receipts WHERE batch_id = $1"
WEBHOOK = "/webhooks/inventory-feeds/parse-webhooks.json"


async def outcomes(connection: asyncpg.Connection, batch_id: str) -> dict[str, int]:
    """Wait for a batch's receipt; returns its outcomes, counted."""
    async with asyncio.timeout(TIMEOUT_S):
        while (counts := await connection.fetchval(OUTCOMES, uuid.UUID(batch_id))) is None:  # noqa: ASYNC110 - a worker's
            await asyncio.sleep(0.02)
        return json.loads(counts)


class Recorder:
    """What goes through the exchange of a running stack, beside its way to the workers."""

    def __init__(self, stack: dict[str, Any], http: ClientSession, database: asyncpg.Connection) -> None:
        self._stack, self._http, self._database = stack, http, database
        self._came: asyncio.Queue[Any] = asyncio.Queue()
        self.feed = stack["demoFeed"]["id"]
        self.messages: list[dict[str, Any]] = []

    async def listen(self, channel: aiormq.abc.AbstractChannel) -> None:
        """Have a queue that gets a copy of every message.

        A slot that was never used is bound first to where it leads: publishers bind it when a message comes back, and
        with a queue of ours behind it none would, nor would it reach a worker.
        """
        queue = (await channel.queue_declare(exclusive=True)).queue
        for slot in range(MOST_SHARDS):
            for name in (shard_queue(slot % SHARDS), queue):
                await channel.queue_bind(name, SHARDS_EXCHANGE, slot_key(slot))
        await channel.basic_consume(queue, self._came.put, no_ack=True)

    async def post(self, what: str, items: Any, **headers: str) -> None:
        """Send to the webhook."""
        headers["jetti-webhook-hash"] = self._stack["demoFeed"]["hash"]
        async with self._http.post(self._stack["edgeUrl"] + WEBHOOK, json=items, headers=headers) as answer:
            assert 202 == answer.status, await answer.text()
        await self.keep(what)

    async def call(self, what: str, method: str, path: str, body: Any, feed: int | None = None) -> Any:
        """Ask the API; returns what it answers."""
        headers = {"Authorization": f"Bearer {self._stack['apiToken']}"}
        async with self._http.request(method, self._stack["apiUrl"] + path, json=body, headers=headers) as answer:
            assert answer.ok, await answer.text()
            answered = await answer.json()
        if what:
            await self.keep(what, feed)
        return answered

    async def keep(self, what: str, feed: int | None = None) -> None:
        """Keep the next message of a feed, as it came, and its outcomes."""
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                message = await self._came.get()
                body = json.loads(message.body)
                if body["feedId"] == (feed or self.feed):  # a canary has a feed of its own
                    break
        given = {name: getattr(message.header.properties, name) for name in PROPERTIES}
        self.messages.append(
            {
                "what": what,
                "exchange": message.exchange,
                "routingKey": message.routing_key,
                "properties": {name: value for name, value in given.items() if value},
                "body": body,
                "outcomes": await outcomes(self._database, body["batchId"]),
            }
        )


async def record(recorder: Recorder) -> None:
    """Send one of each kind, each after the one before was applied."""
    lean = {"externalId": "a", "inventoryQuantity": 7}
    rich = {"externalId": "b", "vendorSku": "SKU b", "name": "Chêne", "costPrice": 19.9, "tags": ["new", "oak"]}
    await recorder.post("a plain post", [lean, {"externalId": "b", "inventoryQuantity": 0}])
    await recorder.post("a post that changes nothing", [lean])
    await recorder.post("a post with a reject and a warning", [{"name": "no key"}, rich | {"colour": "red"}])
    key = {"Idempotency-Key": "an order of May"}
    await recorder.post("a post with a key", [lean | {"inventoryQuantity": 8}], **key)
    path, feed = f"/api/inventory-feeds/{recorder.feed}/parse-webhook.json", recorder.feed
    await recorder.call("an item that the API waits for", "PUT", path, {"externalId": "c", "inventoryQuantity": 1})
    variant = await recorder.call("", "POST", "/api/variants.json", {"sku": "SKU nobody has", "name": "Oak"})
    one = {"inventoryFeedId": feed, "externalId": "c"}
    many = "/api/inventory-feed-variants.json"
    await recorder.call("many changed at once", "PUT", many, [one | {"name": "Oak", "variantId": variant["id"]}])
    await recorder.keep("connected by hand")
    await recorder.call("removed", "DELETE", many, [one])
    pulled = await recorder.call("", "GET", "/api/inventory-feeds.json?resourceType=api", None)
    fetched = f"/api/inventory-feeds/{pulled[0]['id']}/fetch.json"
    await recorder.call("a part of a pulled file", "POST", fetched, {}, pulled[0]["id"])


@contextlib.asynccontextmanager
async def beside(stack: dict[str, Any]) -> AsyncIterator[Recorder]:
    """Connect to all that a recorder needs."""
    database = await asyncpg.connect(stack["databaseUrl"])
    try:
        async with ClientSession() as http, aiormq.connect(stack["amqpUrl"]) as connection:
            recorder = Recorder(stack, http, database)
            await recorder.listen(await connection.channel())
            yield recorder
    finally:
        await database.close()


async def recorded() -> list[dict[str, Any]]:
    """Return what the running stack was made to publish."""
    async with beside(json.loads(STACK.read_text())) as recorder:
        await record(recorder)
        return recorder.messages


if __name__ == "__main__":
    lines = (json.dumps(message, ensure_ascii=False) for message in asyncio.run(recorded()))
    Path(sys.argv[1]).write_text("[\n" + ",\n".join(lines) + "\n]\n")
