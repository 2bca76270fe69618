"""How far each canary came is counted, exported and kept: at an edge that is away, a queue that stands, a wrong row."""

from __future__ import annotations

import uuid

import aiohttp
import asyncpg
import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from schemas.division import Division
from schemas.metrics import CANARY_FAILURES
from workers.clock import Clock
from workers.watch.canary import ARRIVE_S, PATH, Canary, seeded
from workers.watch.export import Exporter

SUCCESS = "feedline_canary_success_timestamp_seconds"
APPLY = """
WITH feed AS (SELECT id, account_id FROM inventory_feeds WHERE hash = $1), receipt AS (
    INSERT INTO receipts (account_id, batch_id, received_at, feed_id, source, applied_at, counts, items)
    SELECT account_id, $2, now(), id, 'webhook', now(), '{}', '[]' FROM feed
)
INSERT INTO feed_variants (account_id, feed_id, external_id, inventory_quantity, item_hash, created_at, updated_at,
                           inventory_updated_at, details_hash, charged)
SELECT account_id, id, 'canary', $3, 0, now(), now(), now(), 0, 0 FROM feed
"""


class Edge:
    """Answers posts as it is told: `applies` is what a worker would make of the quantity, None for nothing."""

    def __init__(self, dsn):
        self.dsn, self.status, self.body, self.applies = dsn, 202, None, None

    async def take(self, request):
        ((item,), batch_id) = await request.json(), uuid.uuid4()
        if self.applies is not None:
            connection = await asyncpg.connect(self.dsn)
            quantity = self.applies(item["inventoryQuantity"])
            await connection.execute(APPLY, request.headers["jetti-webhook-hash"], batch_id, quantity)
            await connection.close()
        body = f'{{"batchId": "{batch_id}"}}' if self.body is None else self.body
        return web.Response(status=self.status, text=body, content_type="application/json")


@pytest.fixture
async def edge(settings, serve):
    edge = Edge(settings.dsn)
    async with serve(PATH, edge.take) as edge.url:
        yield edge


@pytest.fixture
async def fly(settings, edge):
    """Fly once; return what is kept, a row a shard, failures by stage, and the shards whose success is exported."""
    connection = await asyncpg.connect(settings.dsn)
    monotonic = [0.0]

    def passing():
        monotonic[0] += ARRIVE_S / 4  # time passes quickly
        return monotonic[0]

    async def flown(url=edge.url):
        exporter, registry = Exporter(lambda: 0.0), CollectorRegistry()
        registry.register(exporter)
        changed = settings.model_copy(update={"shards": 2, "edge_url": url})
        before = counted()
        async with aiohttp.ClientSession() as http:
            await Canary(changed, http, exporter, Clock(passing)).fly(connection)
        rows = await connection.fetch("SELECT * FROM canaries ORDER BY shard")
        exported = {sample.labels["shard"] for family in registry.collect() for sample in family.samples}
        return rows, {stage: count for stage in before if (count := counted()[stage] - before[stage])}, exported

    yield flown
    await connection.close()


def counted():
    return {stage: CANARY_FAILURES.labels(stage)._value.get() for stage in ("post", "receipt", "row")}


async def test_a_canary_that_arrives_is_exported_and_kept(fly, edge):
    edge.applies = lambda quantity: quantity
    rows, failures, exported = await fly()

    assert ({}, {"0", "1"}) == (failures, exported)
    assert [(0, True, None), (1, True, None)] == [
        (row["shard"], row["arrived_at"] is not None and row["took_ms"] > 0, row["stage"]) for row in rows
    ]


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (503, "full", "503 full"),
        (202, "no JSON", "JSONDecodeError"),
        (202, "[]", "TypeError"),
        (202, '{"batchId": "7"}', "ValueError"),
    ],
)
async def test_a_post_that_is_not_taken_fails_at_post(fly, edge, status, body, reason):
    edge.status, edge.body = status, body
    rows, failures, exported = await fly()

    assert ({"post": 2.0}, set()) == (failures, exported)
    assert [("post", True)] * 2 == [(row["stage"], row["reason"].startswith(reason)) for row in rows]


async def test_an_edge_that_is_away_fails_at_post(fly):
    rows, failures, _ = await fly("http://127.0.0.1:1")

    assert {"post": 2.0} == failures
    assert ["ClientConnectorError"] * 2 == [row["reason"].partition(":")[0] for row in rows]


async def test_a_receipt_that_never_comes_fails_at_receipt_and_what_arrived_before_is_kept(fly, edge):
    edge.applies = lambda quantity: quantity
    before, *_ = await fly()
    edge.applies = None
    rows, failures, exported = await fly()

    assert ({"receipt": 2.0}, set()) == (failures, exported)
    assert [row["arrived_at"] for row in before] == [row["arrived_at"] for row in rows]
    assert [("receipt", True, True)] * 2 == [
        (row["stage"], row["failed_at"] > row["arrived_at"], "within 20 s" in row["reason"]) for row in rows
    ]


async def test_a_row_that_reads_something_else_fails_at_row(fly, edge):
    edge.applies = lambda _: 7
    rows, failures, exported = await fly()

    assert ({"row": 2.0}, set()) == (failures, exported)
    assert [("row", True)] * 2 == [(row["stage"], "the row reads 7, posted was" in row["reason"]) for row in rows]


async def test_feeds_are_made_once_one_a_shard(settings):
    connection = await asyncpg.connect(settings.dsn)
    account, feeds = await seeded(connection, Division(3))

    assert {0, 1, 2} == {feed.id % 3 for feed in feeds.values()}
    assert (account, feeds) == await seeded(connection, Division(3))
    await connection.close()
