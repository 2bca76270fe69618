"""`make screenshots`: every page of the running dashboard at two widths and in both themes, to be looked at.

It needs a stack (`make run`) and Chromium; the pictures lie in `.local/screenshots`.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import asyncpg
import click

from deploy.local.processes import CHECKOUT
from ingest.pages.routes import NAVIGATION
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
    pictures.mkdir(parents=True, exist_ok=True)
    asyncio.run(_take(json.loads(file.read_text()), pictures))


async def _take(stack: dict[str, Any], folder: Path) -> None:
    from playwright.async_api import async_playwright  # noqa: PLC0415 - installed for development alone

    connection = await asyncpg.connect(stack["databaseUrl"])
    try:
        account_id = await connection.fetchval("SELECT min(account_id) FROM api_tokens")
        link = await new_link(connection, account_id, Role.OPERATOR)
        feed = await connection.fetchrow("SELECT feed_id, max(id) AS run_id FROM runs GROUP BY feed_id ORDER BY 2 DESC")
    finally:
        await connection.close()
    paths = [address for _, _, address, _ in NAVIGATION] + ["/feeds/new", "/sign-in"]
    if feed:
        here = f"/feeds/{feed['feed_id']}"
        paths += [here, f"{here}/settings", f"{here}/mapping", f"{here}/runs/{feed['run_id']}"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = await browser.new_page(base_url=stack["apiUrl"])
        await page.goto(link)
        for path in paths:
            await page.goto(path)
            for width in WIDTHS:
                await page.set_viewport_size({"width": width, "height": _HEIGHT})
                for theme in THEMES:
                    await page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
                    name = path.strip("/").replace("/", "-") or "now"
                    target = folder / f"{name}-{width}-{theme}.png"
                    await page.screenshot(path=target, full_page=True, caret="initial")
                    click.echo(target)
        await browser.close()


if __name__ == "__main__":
    main()
