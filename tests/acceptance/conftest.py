"""The whole system, started as `make run` starts it, in a folder of its own."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest
from playwright.async_api import async_playwright, expect

from ingest.pages.sessions.links import new_link
from ingest.pages.sessions.roles import Role
from tests.acceptance.chromium import OFFLINE, opened
from tests.acceptance.launcher import PATIENCE_S, Launcher
from tests.waiting import until

expect.set_options(timeout=PATIENCE_S * 1_000)
WEBHOOK = "/webhooks/inventory-feeds/parse-webhooks.json"


class System:
    """A running system and a client of it."""

    def __init__(self, file: Path, client: aiohttp.ClientSession) -> None:
        self.file = file
        self.client = client

    @property
    def stack(self) -> dict[str, Any]:
        """What `.local/stack.json` says now."""
        return json.loads(self.file.read_text())

    def post(self, items: list[dict[str, Any]], **headers: str) -> Any:
        """Post items to the demo feed."""
        stack = self.stack
        sent = {"jetti-webhook-hash": stack["demoFeed"]["hash"], **headers}
        return self.client.post(stack["edgeUrl"] + WEBHOOK, json=items, headers=sent)

    async def get(self, path: str) -> Any:
        """Return what the API answers; None while it is not there or knows no such thing."""
        stack = self.stack
        headers = {"Authorization": f"Bearer {stack['apiToken']}"}
        try:
            async with self.client.get(stack["apiUrl"] + path, headers=headers) as response:
                return await response.json() if response.status == 200 else None
        except aiohttp.ClientError:  # also of an answer that was cut off
            return None

    async def ask(self, path: str, body: dict[str, Any]) -> Any:
        """Post something to the API; returns its answer."""
        headers = {"Authorization": f"Bearer {self.stack['apiToken']}"}
        async with self.client.post(self.stack["apiUrl"] + path, json=body, headers=headers) as response:
            assert response.ok, await response.text()
            return await response.json()

    async def get_when(self, path: str, wanted: Any) -> Any:
        """Return what the API answers as soon as it is as wanted."""
        answer = None
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not (answer := await self.get(path)) or not wanted(answer):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{path} still answers {answer}") from None
        return answer

    until = staticmethod(until)

    async def kill(self, role: str) -> None:
        """End one process of a role as a crash would, and wait until the launcher has noticed."""
        pids = self.stack["pids"][role]
        os.kill(pids[0], signal.SIGKILL)
        await until(lambda: pids[0] not in self.stack["pids"][role], lambda: self.stack["pids"])


@pytest.fixture(scope="session")
def launcher(tmp_path_factory) -> Iterator[Launcher]:
    """The whole system's, which it is started by when a test needs it."""
    # A space in the path, and (when root runs the tests) a folder that Postgres's own user cannot enter.
    folder = tmp_path_factory.mktemp("a checkout")
    launcher = Launcher(folder)
    yield launcher
    launcher.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
async def system(launcher) -> AsyncIterator[System]:
    launcher.start()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S)) as client:
        yield System(launcher.path, client)


@pytest.fixture(scope="session")
async def chromium():
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=OFFLINE)
        yield running
        await running.close()


@pytest.fixture(scope="session")
async def signed_in(system, chromium):
    """The tab of who signed in by a one-time link."""
    connection = await asyncpg.connect(system.stack["databaseUrl"])
    account_id = await connection.fetchval("SELECT account_id FROM inventory_feeds ORDER BY id LIMIT 1")
    link = await new_link(connection, account_id, Role.OPERATOR)
    await connection.close()
    tab = await opened(chromium, system.stack["apiUrl"])
    await tab.page.goto(link)  # the door opens by itself
    await expect(tab.page.locator("[aria-current=page]")).to_have_text("Now")
    assert [] == tab.wrong
    return tab


@pytest.fixture
async def page(signed_in):
    """A page that is signed in and shows Now, the same for all tests; what is wrong with it fails.

    To open another takes longer than most tests.
    """
    await signed_in.page.goto("/")
    signed_in.wrong.clear()
    yield signed_in.page
    assert [] == signed_in.wrong
    await signed_in.page.goto("about:blank")  # it asks for nothing while others are looked at


@pytest.fixture
async def own_page(system, chromium, signed_in):
    """A page that is signed in, of a test that leaves it with a clock or a session of its own."""
    tab = await opened(chromium, system.stack["apiUrl"], storage_state=await signed_in.page.context.storage_state())
    yield tab.page
    await tab.page.context.close()
    assert [] == tab.wrong
