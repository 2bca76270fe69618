"""The same work as one would write it with a good framework: FastStream, aiohttp, pydantic, asyncpg; a hundred lines.

Posts are validated, published to a quorum queue with a confirm, answered 202; a subscriber upserts each message's items
in one transaction, once a batch id, and acks. There is no order over several workers, no daily limit, no receipt, no
isolation of what is poison. Runs in an environment of its own (requirements.txt): `app.py edge PORT`, `app.py worker`.
"""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from datetime import UTC, datetime
from decimal import Decimal

import asyncpg
import uvloop
from aiohttp import web
from faststream import AckPolicy
from faststream.rabbit import Channel, QueueType, RabbitBroker, RabbitQueue
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

QUEUE = RabbitQueue("peer.items", durable=True, queue_type=QueueType.QUORUM)
PREFETCH = 64
SCHEMA = """
SELECT pg_advisory_xact_lock(1);
CREATE TABLE IF NOT EXISTS peer_batches (batch_id uuid PRIMARY KEY, received_at timestamptz NOT NULL);
CREATE TABLE IF NOT EXISTS peer_items (
    feed text NOT NULL, external_id text COLLATE "C" NOT NULL, vendor_sku text, inventory_quantity integer,
    retail_price numeric, updated_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (feed, external_id)
) WITH (fillfactor = 50);
CREATE INDEX IF NOT EXISTS peer_items_vendor_sku ON peer_items (vendor_sku);
"""
UPSERT = """
INSERT INTO peer_items AS stored (feed, external_id, vendor_sku, inventory_quantity, retail_price)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::integer[], $5::numeric[])
ON CONFLICT (feed, external_id) DO UPDATE
SET vendor_sku = excluded.vendor_sku, inventory_quantity = excluded.inventory_quantity,
    retail_price = excluded.retail_price, updated_at = now()
WHERE (stored.vendor_sku, stored.inventory_quantity, stored.retail_price)
      IS DISTINCT FROM (excluded.vendor_sku, excluded.inventory_quantity, excluded.retail_price)
"""


class Item(BaseModel):
    """An item of four attributes."""

    model_config = ConfigDict(extra="ignore")
    external_id: str = Field(alias="externalId", min_length=1, max_length=255)
    vendor_sku: str | None = Field(None, alias="vendorSku", max_length=255)
    quantity: int | None = Field(None, alias="inventoryQuantity", ge=-(2**31), lt=2**31)
    price: Decimal | None = Field(None, alias="retailPrice", ge=0)


class Batch(BaseModel):
    """One message."""

    batch_id: uuid.UUID
    feed: str
    received_at: datetime
    items: list[Item]
    model_config = ConfigDict(serialize_by_alias=True)


ITEMS = TypeAdapter(list[Item])


async def edge(port: int) -> None:
    """Answer posts."""
    async with RabbitBroker(os.environ["AMQP_URL"], logger=None) as broker:
        await broker.declare_queue(QUEUE)

        async def post(request: web.Request) -> web.Response:
            try:
                items = ITEMS.validate_json(await request.read())
            except ValidationError as error:
                return web.Response(status=422, text=str(error))
            feed = request.headers["jetti-webhook-hash"]
            batch = Batch(batch_id=uuid.uuid4(), feed=feed, received_at=datetime.now(UTC), items=items)
            await broker.publish(batch, QUEUE, persist=True, mandatory=True)
            return web.json_response({"batchId": str(batch.batch_id)}, status=202)

        app = web.Application()
        app.router.add_post("/", post)
        await web._run_app(app, host="127.0.0.1", port=port, access_log=None, print=None)  # noqa: SLF001


async def worker() -> None:
    """Apply messages."""
    broker = RabbitBroker(os.environ["AMQP_URL"], logger=None, default_channel=Channel(prefetch_count=PREFETCH))
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=1, max_size=8) as pool:
        await pool.execute(SCHEMA)

        @broker.subscriber(QUEUE, ack_policy=AckPolicy.NACK_ON_ERROR)  # type: ignore[untyped-decorator]
        async def apply(batch: Batch) -> None:
            rows = sorted({item.external_id: item for item in batch.items}.values(), key=lambda item: item.external_id)
            columns = zip(*((row.external_id, row.vendor_sku, row.quantity, row.price) for row in rows), strict=True)
            async with pool.acquire() as connection, connection.transaction():
                new = "INSERT INTO peer_batches (batch_id, received_at) VALUES ($1, $2) ON CONFLICT DO NOTHING"
                if (await connection.execute(new, batch.batch_id, batch.received_at)).endswith("1"):
                    await connection.execute(UPSERT, batch.feed, *columns)

        async with broker:
            await broker.start()
            await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(edge(int(sys.argv[2])) if sys.argv[1] == "edge" else worker())
