"""How a browser is started that can reach nothing but this machine, and what its pages complain of."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Browser, ConsoleMessage, Page

from tests.acceptance.launcher import PATIENCE_S

OFFLINE = (
    "--no-sandbox",  # the tests may run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


class Tab:
    """A page in a browser, and what is wrong with it: errors on its console, violations of its policy among them."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrong: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.wrong.append(f"{message.location['url']}: {message.text}")


async def opened(chromium: Browser, url: str, **more: Any) -> Tab:
    """Open a page in a context of its own."""
    context = await chromium.new_context(base_url=url, **more)
    context.set_default_timeout(PATIENCE_S * 1_000)
    return Tab(await context.new_page())
