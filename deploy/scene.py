"""One of everything that the dashboard shows, made in a running stack, and the address of every page.

For what looks at each page: `make screenshots`, and the tests in a browser. The addresses come from the tables of
routes, so that a page that is added is looked at, or fails for want of an example.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import asyncpg
from aiohttp import web

from ingest.pages.page import Page
from ingest.pages.routes import ENTRIES
from ingest.pages.vendor.views import ENTRIES as VENDORS
from schemas import dead_letters
from schemas.batches import Batch, Source

FEED = "Nordic lamps"
_WEBHOOK = "/webhooks/inventory-feeds/parse-webhooks.json"
_ROWS, _ROWS_LATER, _WAIT_S = 120, 45, 90
_MAPPING = {"externalId": "sku", "vendorSku": "sku", "name": "name", "inventoryQuantity": "stock", "costPrice": "cost"}
_CAUSES = (
    ("postgres.22P02", 'invalid input syntax for type numeric: "{} EUR"', 40),
    ("postgres.22001", "value too long for type character varying({})", 12),
)
_PARAMETER = re.compile(r"\{(\w+)(?::(?:[^{}]|\{[^{}]*\})*)?\}")
_HELD = (
    "SELECT feed_id AS id, id AS run FROM runs WHERE account_id = $1 ORDER BY (status = 'held') DESC, id DESC LIMIT 1"
)
_REJECTING = """SELECT batch_id::text AS batch, feed_id AS id FROM receipts
WHERE account_id = $1 AND run_id IS NULL ORDER BY (counts ? 'rejected') DESC, received_at DESC LIMIT 1"""
EXAMPLES = {
    "draft": "SELECT max(id) AS id FROM previews WHERE account_id = $1",
    "feed": _HELD,
    "feed_settings": _HELD,
    "feed_versions": _HELD,
    "vendor_links": _HELD,
    "run": _HELD,
    "receipt": _REJECTING,
    "sku": "SELECT sku FROM variants WHERE account_id = $1 ORDER BY id LIMIT 1",
    "item": "SELECT id FROM feed_variants WHERE account_id = $1 ORDER BY variant_id NULLS LAST, id LIMIT 1",
    "dead_letter": "SELECT max(id) AS id FROM dead_letters WHERE account_id = $1 AND status = 'dead'",
    "operation": "SELECT max(id) AS id FROM operations WHERE account_id = $1",
    "provider": "SELECT min(id) AS id FROM dropship_providers WHERE account_id = $1",
    "endpoint": "SELECT max(id) AS id FROM endpoints WHERE account_id = $1 AND kind = 'webhook'",
}
"""By the name of a page whose path has parameters: one row that holds them."""
PERSONAL = "/password"
"""Of a person's session alone: an invitation leads there."""
MORE = (
    "/feeds?condition=behind",
    "/connect?queue=byHand",
    "/dead-letters?status=discarded",
    "/search?q=SKU-000",
    "/search?q=none",
)


async def dress(stack: Mapping[str, Any], connection: asyncpg.Connection) -> None:
    """Make one of everything, unless this was done before; `stack` is what `stack.json` holds."""
    headers = {"Authorization": f"Bearer {stack['apiToken']}"}
    async with aiohttp.ClientSession(stack["apiUrl"], headers=headers, raise_for_status=True) as api:
        feeds = await _get(api, "/api/inventory-feeds.json")
        if any(feed["name"] == FEED for feed in feeds):
            return
        await _held_run(api, feeds[0]["dropshipProviderId"])
        (csv,) = [feed["id"] for feed in feeds if feed["name"] == "Demo CSV feed over HTTP"]
        await _fetched(api, csv)
        await _posted(stack, connection)
        await _post(api, "/api/variants.json", {"sku": "SKU-0007", "name": "Lamp, black"})
        hook = {"name": "shop", "url": "https://shop.example/hooks/stock", "events": ["run.held", "feed.failing"]}
        await _post(api, "/api/endpoints.json", hook)
        await _post(api, "/api/people.json", {"name": "ada", "role": "editor"})
        await _bury(connection, stack["demoFeed"]["id"])
        wanted = {"kind": "discard", "code": _CAUSES[1][0]}
        counted = await _post(api, "/api/operations/count.json", wanted)
        await _post(api, "/api/operations.json", {**wanted, "maxId": counted["maxId"]})


async def addresses(connection: asyncpg.Connection, account_id: int) -> list[str]:
    """Return the address of every page but a person's own; raises LookupError for one that there is no example of."""
    pages = [entry for entry in ENTRIES if isinstance(entry, Page) and entry.path != PERSONAL]
    return [*[await _address(connection, account_id, page) for page in pages], *MORE]


def vendor_addresses(link: int, known: Mapping[str, Any]) -> list[str]:
    """Return the address of every page of a vendor's link; `known` has the parameters of those of its feed."""
    patterns = [view.path for view in VENDORS if view.template and not view.posts]
    names = {"link": link, **known}
    return [filled(pattern, names) for pattern in patterns if set(_PARAMETER.findall(pattern)) <= names.keys()]


async def examples_of_vendors(connection: asyncpg.Connection, account_id: int) -> list[tuple[int, dict[str, Any]]]:
    """Return a pulled and a pushed feed whose vendor has something to see, each with the parameters of its pages."""
    known = [dict(await connection.fetchrow(sql, account_id)) for sql in (_HELD, _REJECTING)]
    return [(one.pop("id"), one) for one in known]


def filled(pattern: str, values: Mapping[str, Any]) -> str:
    """Return a route's pattern as an address."""
    return _PARAMETER.sub(lambda match: str(values[match[1]]), pattern)


async def _address(connection: asyncpg.Connection, account_id: int, page: Page) -> str:
    if not _PARAMETER.search(page.path):
        return page.path
    if page.name not in EXAMPLES:
        raise LookupError(f"there is no example of the page {page.name}: add one to EXAMPLES")
    row = await connection.fetchrow(EXAMPLES[page.name], account_id)
    if row is None or None in row.values():
        raise LookupError(f"the account has nothing that the page {page.name} could show")
    return filled(page.path, dict(row))


async def _held_run(api: aiohttp.ClientSession, provider: int) -> None:
    """Fetch a file, then one that lost more than half of its rows."""
    body = {
        "name": FEED,
        "dropshipProviderId": provider,
        "resourceType": "ftpCsv",
        "mapping": _MAPPING,
        "fetchFrequency": "never",
        "fetchCleanup": "enabled",
    }
    async with _vendor() as (address, state):
        feed = await _post(api, "/api/inventory-feeds.json", {**body, "resourceLocation": address})
        await _fetched(api, feed["id"])
        await _post(
            api, f"/api/inventory-feeds/{feed['id']}.json", {"mapping": {**_MAPPING, "retailPrice": "cost"}}, put=True
        )  # a version
        state["rows"] = _ROWS_LATER
        await _fetched(api, feed["id"])


@asynccontextmanager
async def _vendor() -> AsyncIterator[tuple[str, dict[str, int]]]:
    """Serve a file with so many rows, whose stock differs with their number; one of the rows cannot be used."""
    state = {"rows": _ROWS}

    async def stock(_: web.Request) -> web.Response:
        rows, shift = state["rows"], _ROWS - state["rows"]
        lines = [
            f"SKU-{number:04};Lamp {number};{(number * 7 + shift) % 50};{number / 4 + 5 + shift % 7:.2f}"
            for number in range(1, rows)
        ]
        text = "\n".join(["sku;name;stock;cost", *lines, f"SKU-{rows:04};Lamp without a number;soon;5.00", ""])
        return web.Response(text=text, content_type="text/csv")

    app = web.Application()
    app.router.add_get("/stock.csv", stock)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://nordic:secret@127.0.0.1:{runner.addresses[0][1]}/stock.csv", state
    finally:
        await runner.cleanup()


async def _fetched(api: aiohttp.ClientSession, feed: int) -> None:
    """Fetch now, and wait for the run's end."""
    run = await _post(api, f"/api/inventory-feeds/{feed}/fetch.json", {})
    async with asyncio.timeout(_WAIT_S):
        while run["endedAt"] is None and run["status"] != "held":
            await asyncio.sleep(0.2)
            run = await _get(api, f"/api/inventory-feeds/{feed}/runs/{run['id']}.json")


async def _posted(stack: Mapping[str, Any], connection: asyncpg.Connection) -> None:
    """Post items, one of which cannot be used, and wait for their receipt."""
    items: list[dict[str, Any]] = [
        {"externalId": f"P-{n:03}", "vendorSku": f"P-{n:03}", "inventoryQuantity": n} for n in range(20)
    ]
    items.append({"externalId": "P-999", "inventoryQuantity": "soon"})
    headers = {"jetti-webhook-hash": stack["demoFeed"]["hash"]}
    async with aiohttp.ClientSession(stack["edgeUrl"], headers=headers, raise_for_status=True) as edge:
        batch = (await _post(edge, _WEBHOOK, items))["batchId"]
    async with asyncio.timeout(_WAIT_S):
        while not await connection.fetchval("SELECT count(*) FROM receipts WHERE batch_id = $1", UUID(batch)):  # noqa: ASYNC110 - another process, which has no other signal
            await asyncio.sleep(0.1)


async def _bury(connection: asyncpg.Connection, feed: int) -> None:
    """Bury items as workers do."""
    account = await connection.fetchval("SELECT account_id FROM inventory_feeds WHERE id = $1", feed)
    now = datetime.now(UTC)
    for code, reason, count in _CAUSES:
        items = [{"externalId": f"D-{code[-3:]}-{number:03}", "inventoryQuantity": 5} for number in range(count)]
        batch = Batch(uuid4(), account, feed, int(now.timestamp() * 1000), Source.WEBHOOK, items)
        letters = [dead_letters.of_item(batch, slot, code, reason.format(slot)) for slot in range(count)]
        await dead_letters.store(connection, letters, now)


async def _get(api: aiohttp.ClientSession, path: str) -> Any:
    async with api.get(path) as response:
        return await response.json()


async def _post(api: aiohttp.ClientSession, path: str, body: Any, *, put: bool = False) -> Any:
    async with api.request("PUT" if put else "POST", path, json=body) as response:
        return await response.json()
