"""How long each page of the dashboard takes with a million feed variants and a thousand feeds: `make bench-pages`.

    python -m deploy.bench.pages [--rows N] [--looks N] [--page PATH]...

A private Postgres is filled by SQL; the real application answers over loopback, one request at a time. The target is a
p95 below 150 ms. On a machine that does other things too, the CPU time tells more: the application's (the client is in
the same process) and Postgres'. The broker is not there: no page waits for it.
"""

from __future__ import annotations

import asyncio
import secrets
import statistics
import time
from collections.abc import Sequence

import aiohttp
import asyncpg
import click
from aiohttp import web
from tabulate import tabulate

from deploy.bench.ending import migrated_postgres
from deploy.bench.meters import cpu_s
from deploy.bench.seed import ACCOUNT, fill_dashboard
from deploy.local.postgres import Postgres
from deploy.local.processes import free_port
from ingest.http.serving import collect_seldom
from ingest.pages.app import application
from ingest.pages.routes import NAVIGATION
from ingest.pages.sessions.links import new_link
from ingest.pages.sessions.roles import Role
from schemas.logs import configure
from schemas.settings import Settings

FEEDS = 1_000
TARGET_MS = 150.0
BATCH = "00000000-0000-0000-0000-000000000007"


@click.command()
@click.option("--rows", default=1_000_000, show_default=True, help="Feed variants in all.")
@click.option("--looks", default=40, show_default=True, help="How often each page is asked for.")
@click.option("--page", "wanted", multiple=True, help="Just this one, several times for several; default: all.")
def main(rows: int, looks: int, wanted: tuple[str, ...]) -> None:
    """Time every page."""
    with migrated_postgres() as server:
        click.echo(f"filling {rows:,} feed variants of {FEEDS:,} feeds", err=True)
        figures = asyncio.run(_run(server, rows, looks, wanted))
    headers = ("page", "status", "kB", "median, ms", "p95, ms", "pages' CPU", "Postgres' CPU", "")
    align = ("left", *["right"] * 6, "left")
    click.echo(tabulate(figures, headers, colalign=align, disable_numparse=True))


def addresses(rows: int, run: int) -> list[str]:
    """Return every page of the navigation, and one of each thing that a page is about."""
    middle = rows // 2
    return [
        *(way.address for way in NAVIGATION),
        f"/feeds?after={FEEDS // 2}",
        "/feeds?condition=on+time",
        "/feeds/1",
        "/feeds/2",
        "/feeds/2/settings",
        "/feeds/2/vendor-links",
        f"/feeds/2/runs/{run}",
        "/feeds/2/versions",
        "/feeds/new",
        "/providers/1",
        "/receipts?feed=1",
        "/receipts?outcome=rejected",
        "/receipts?outcome=dead",
        f"/receipts/{BATCH}",
        "/connect?queue=ambiguous",
        "/connect?queue=withoutSku",
        "/connect?queue=byHand",
        "/connect/rules",
        f"/search?q=vendor-{middle}",
        "/search?q=own-5",
        "/search?q=none",
        "/sku/own-5",
        f"/items/{middle}",
        "/audit-log?operation=inventory_feeds.update",
    ]


async def _run(server: Postgres, rows: int, looks: int, wanted: Sequence[str]) -> list[tuple[str, ...]]:
    dsn = server.dsn
    connection = await asyncpg.connect(dsn)
    try:
        await fill_dashboard(connection, rows, FEEDS, BATCH)
        run = await connection.fetchval("SELECT max(id) FROM runs WHERE feed_id = 2")
        link = await new_link(connection, ACCOUNT, Role.OPERATOR)
    finally:
        await connection.close()
    port = free_port()
    settings = Settings(
        database_url=dsn,
        amqp_url=f"amqp://127.0.0.1:{free_port()}",
        secret_key=secrets.token_hex(16),
        api_port=port,
    )
    runner = web.AppRunner(application(settings), access_log=None)
    collect_seldom()  # as the process does
    configure("api", "critical")  # that no broker is there is no news
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", cookie_jar=jar, auto_decompress=False) as client:
            async with client.post(link, headers={"Sec-Fetch-Site": "same-origin"}) as response:
                assert response.ok, await response.text()
            pages = wanted or addresses(rows, run)
            assert server.process is not None
            return [await _timed(client, address, looks, server.process.pid) for address in pages]
    finally:
        await runner.cleanup()


async def _timed(client: aiohttp.ClientSession, address: str, looks: int, postgres: int) -> tuple[str, ...]:
    await _asked(client, address)  # the first one fills caches
    own, theirs = time.process_time(), cpu_s(postgres)
    answers = [await _asked(client, address) for _ in range(looks)]
    own, theirs = (1000 * spent / looks for spent in (time.process_time() - own, cpu_s(postgres) - theirs))
    status, size, _ = answers[-1]
    took_ms = [took for _, _, took in answers]
    p95 = statistics.quantiles(took_ms, n=20)[-1]
    slow = "slow" if p95 > TARGET_MS else ""
    median = statistics.median(took_ms)
    return (
        address,
        str(status),
        f"{size / 1000:.1f}",
        f"{median:.0f}",
        f"{p95:.0f}",
        f"{own:.0f}",
        f"{theirs:.0f}",
        slow,
    )


async def _asked(client: aiohttp.ClientSession, address: str) -> tuple[int, int, float]:
    """Ask for a page; return its status, its size as compressed, and the milliseconds that it took."""
    began = time.perf_counter()
    async with client.get(address, headers={"Accept-Encoding": "gzip"}, allow_redirects=False) as response:
        size = len(await response.read())
    return response.status, size, 1000 * (time.perf_counter() - began)


if __name__ == "__main__":
    main()
