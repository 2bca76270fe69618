"""The whole system, started as `make run` starts it, in a folder of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest
from playwright.async_api import async_playwright, expect

from deploy.local.processes import CHECKOUT
from ingest.pages.sessions.links import new_link
from ingest.pages.sessions.roles import Role
from tests.acceptance.chromium import OFFLINE
from tests.waiting import until

START_S, STOP_S = 300, 120
PATIENCE_S = 120
"""How long anything may take that another process does, on a machine that is busy with other work."""
expect.set_options(timeout=PATIENCE_S * 1_000)
WEBHOOK = "/webhooks/inventory-feeds/parse-webhooks.json"
ENVIRONMENT = {
    "PORT": "0",
    "API_PORT": "0",
    "MONITOR_PORT": "0",
    "EDGE_PROCESSES": "1",
    "WORKER_PROCESSES": "2",
    "SSL_CERT_FILE": os.devnull,  # no process asks the outside: to read all authorities is a tenth of its start
}


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
async def system(tmp_path_factory) -> AsyncIterator[System]:
    folder = tmp_path_factory.mktemp("system") / ".local"
    output = folder.with_name("output")
    unset = ("DATABASE_URL", "AMQP_URL", "SECRET_KEY")
    environment = {name: value for name, value in os.environ.items() if name not in unset} | ENVIRONMENT
    with output.open("wb") as written:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "deploy.command.main", "run", "--folder", str(folder), cwd=CHECKOUT, env=environment,
            stdout=written,
        )  # fmt: skip
    try:
        started = folder / "stack.json"
        await until(lambda: started.exists() or process.returncode is not None, output.read_text, START_S)
        assert process.returncode is None, output.read_text()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S)) as client:
            yield System(folder / "stack.json", client)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), STOP_S)


@pytest.fixture(scope="session")
async def chromium():
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=OFFLINE)
        yield running
        await running.close()


@pytest.fixture
async def page(system, chromium):
    """A page that is signed in by a one-time link; an error on its console, or a violation of the policy, fails."""
    connection = await asyncpg.connect(system.stack["databaseUrl"])
    account_id = await connection.fetchval("SELECT account_id FROM inventory_feeds ORDER BY id LIMIT 1")
    link = await new_link(connection, account_id, Role.OPERATOR)
    await connection.close()
    context = await chromium.new_context(base_url=system.stack["apiUrl"])
    context.set_default_timeout(PATIENCE_S * 1_000)
    opened = await context.new_page()
    wrong: list[str] = []
    opened.on(
        "console", lambda said: wrong.append(f"{said.location['url']}: {said.text}") if said.type == "error" else None
    )
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    await opened.goto(link)  # the door opens by itself
    await expect(opened.locator("[aria-current=page]")).to_have_text("Now")
    yield opened
    await context.close()
    assert [] == wrong
