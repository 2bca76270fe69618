"""`make screenshots`: every page of the running dashboard at two widths and in both themes, to be looked at.

It needs a stack (`make run`) and Chromium; the pictures lie in `.local/screenshots`.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import click

from deploy.local.processes import CHECKOUT
from ingest.pages.routes import NAVIGATION
from ingest.pages.sessions.links import new_link
from ingest.pages.sessions.roles import Role

WIDTHS = (1280, 360)
THEMES = ("light", "dark")
_HEIGHT = 900
_SEEN = {
    "feed": "SELECT feed_id FROM runs ORDER BY id DESC LIMIT 1",
    "run": "SELECT feed_id || '/runs/' || id FROM runs ORDER BY rows_rejected DESC NULLS LAST, id DESC LIMIT 1",
    "push": "SELECT min(id) FROM inventory_feeds WHERE resource_type = 'webhook'",
    "receipt": "SELECT batch_id::text FROM receipts ORDER BY received_at DESC LIMIT 1",
    "item": "SELECT id FROM feed_variants ORDER BY updated_at DESC LIMIT 1",
    "sku": "SELECT sku FROM variants ORDER BY id LIMIT 1",
    "provider": "SELECT min(id) FROM dropship_providers",
    "endpoint": "SELECT min(id) FROM endpoints WHERE kind = 'webhook'",
    "letter": "SELECT max(id)::text FROM dead_letters WHERE account_id = (SELECT min(account_id) FROM api_tokens)",
    "operation": "SELECT max(id)::text FROM operations WHERE account_id = (SELECT min(account_id) FROM api_tokens)",
}
_ABOUT = (
    ("feed", "/feeds/{}"),
    ("feed", "/feeds/{}/settings"),
    ("feed", "/feeds/{}/mapping"),
    ("feed", "/feeds/{}/vendor-links"),
    ("push", "/feeds/{}"),
    ("run", "/feeds/{}"),
    ("receipt", "/receipts/{}"),
    ("item", "/items/{}"),
    ("sku", "/sku/{}"),
    ("letter", "/dead-letters/{}"),
    ("operation", "/operations/{}"),
    ("provider", "/providers/{}"),
    ("endpoint", "/settings/endpoints/{}"),
)


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), default=CHECKOUT / ".local", help="Of the running stack.")
def main(folder: Path) -> None:
    """Take them."""
    file = folder / "stack.json"
    if not file.exists():
        raise click.ClickException("no stack runs here: start one with make run")
    pictures = folder / "screenshots"
    pictures.mkdir(parents=True, exist_ok=True)
    asyncio.run(_take(json.loads(file.read_text()), pictures))


async def _take(stack: dict[str, Any], folder: Path) -> None:
    from playwright.async_api import async_playwright  # noqa: PLC0415 - installed for development alone

    connection = await asyncpg.connect(stack["databaseUrl"])
    try:
        account_id = await connection.fetchval("SELECT min(account_id) FROM api_tokens")
        link = await new_link(connection, account_id, Role.OPERATOR)
        seen = {name: await connection.fetchval(sql) for name, sql in _SEEN.items()}
    finally:
        await connection.close()
    paths = [address for _, _, address, _ in NAVIGATION]
    paths += ["/feeds/new", "/connect?queue=byHand", "/sign-in"]
    paths += [path.format(seen[name]) for name, path in _ABOUT if seen[name]]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = await browser.new_page(base_url=stack["apiUrl"])
        await page.goto(link)
        await page.wait_for_url("/")
        if seen["feed"]:
            vendor = await _vendor_link(page, f"/feeds/{seen['feed']}/vendor-links")
            paths += [vendor, f"{vendor}/items", f"{vendor}/test"]
        for path in paths:
            await page.goto(path)
            for width in WIDTHS:
                await page.set_viewport_size({"width": width, "height": _HEIGHT})
                for theme in THEMES:
                    await page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
                    name = re.sub(r"[^\w]+", "-", path).strip("-") or "now"
                    target = folder / f"{name}-{width}-{theme}.png"
                    await page.screenshot(path=target, full_page=True, caret="initial")
                    click.echo(target)
        await browser.close()


async def _vendor_link(page: Any, path: str) -> str:
    """Make a vendor's link, open it, and return the address that it leads to."""
    await page.goto(path)
    await page.fill("#field-note", "Acme, Ms Smith")
    await page.click("text=Make the link")
    link = await page.locator("#link").text_content()
    await page.goto(link)
    await page.wait_for_selector("nav.segments")
    return str(urlsplit(page.url).path)


if __name__ == "__main__":
    main()
