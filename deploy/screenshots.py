"""`make screenshots`: every page of the running dashboard at two widths and in both themes, to be looked at.

It needs a stack (`make run`), in whose demo account it makes one of everything (`deploy/scene.py`), and Chromium; the
pictures lie in `.local/screenshots`.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from pathlib import Path
from typing import Any

import asyncpg
import click

from deploy import scene
from deploy.local.processes import CHECKOUT
from ingest.pages.sessions.links import new_link
from ingest.pages.sessions.roles import Role

WIDTHS = (1280, 360)
THEMES = ("light", "dark")
_HEIGHT = 900


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), default=CHECKOUT / ".local", help="Of the running stack.")
def main(folder: Path) -> None:
    """Take them."""
    file = folder / "stack.json"
    if not file.exists():
        raise click.ClickException("no stack runs here: start one with make run")
    pictures = folder / "screenshots"
    shutil.rmtree(pictures, ignore_errors=True)
    pictures.mkdir(parents=True)
    asyncio.run(_take(json.loads(file.read_text()), pictures))


async def _take(stack: dict[str, Any], folder: Path) -> None:
    from playwright.async_api import async_playwright  # noqa: PLC0415 - installed for development alone

    connection = await asyncpg.connect(stack["databaseUrl"])
    try:
        await scene.dress(stack, connection)
        account_id = await connection.fetchval("SELECT min(account_id) FROM api_tokens")
        link = await new_link(connection, account_id, Role.OPERATOR)
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = await browser.new_page(base_url=stack["apiUrl"])
            await page.goto("/sign-in")
            await _pictures(page, "/sign-in", folder)
            await page.goto(link)
            await page.wait_for_url("/")
            for path in await pages_of(page, connection, account_id):
                await page.goto(path)
                await _pictures(page, path, folder)
            await browser.close()
    finally:
        await connection.close()


async def pages_of(page: Any, connection: asyncpg.Connection, account_id: int) -> list[str]:
    """Return the address of every page, a vendor's included, whose links are made and opened in this browser."""
    demo = "SELECT id FROM inventory_feeds WHERE account_id = $1 AND name = 'Demo CSV feed over HTTP'"
    await page.goto(f"/feeds/{await connection.fetchval(demo, account_id)}/mapping")  # makes the draft
    await page.select_option("select[name=add-name]", "upper")  # an edit, whose result is shown beside what is saved
    await page.wait_for_selector("#result >> text=CHAIR BLACK >> nth=0")
    vendors = []
    for feed, known in await scene.examples_of_vendors(connection, account_id):
        await page.goto(f"/feeds/{feed}/vendor-links")
        await page.fill("#field-note", "Acme, Ms Smith")
        await page.click("text=Make the link")
        link = await page.locator("#link").text_content()
        await page.goto(link)
        await page.wait_for_selector("nav.segments")
        vendors += scene.vendor_addresses(int(re.findall(r"/s/(\d+)", link)[0]), known)
    return [*await scene.addresses(connection, account_id), *vendors]


async def _pictures(page: Any, path: str, folder: Path) -> None:
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": _HEIGHT})
        # As high as the page, so that what sticks to the window has no end in the picture.
        height = await page.evaluate("document.documentElement.scrollHeight")
        await page.set_viewport_size({"width": width, "height": max(height, _HEIGHT)})
        for theme in THEMES:
            await page.emulate_media(color_scheme=theme)
            name = re.sub(r"[^\w]+", "-", path).strip("-") or "now"
            target = folder / f"{name}-{width}-{theme}.png"
            await page.screenshot(path=target, caret="initial")
            click.echo(target)


if __name__ == "__main__":
    main()
