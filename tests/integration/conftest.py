"""The API under test: its real application on a real port, with two accounts that must not see each other."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import psycopg
import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

import ingest.amqp.publish
import ingest.api.app
import ingest.pull.main
from ingest.api.app import application
from ingest.api.framework import postgres as limits
from ingest.pull.parse.process.parsers import Parsers
from schemas.secrets import new_token, token_digest
from schemas.settings import Settings
from tests.warm import Warm
from workers.service import Worker


class Api:
    """A client that sends an account's token; `token=None` sends none."""

    def __init__(self, client: TestClient[Any, Any], database: str) -> None:
        self.client = client
        self.database = database
        self._connection: psycopg.Connection | None = None
        self.account_id = self.execute("INSERT INTO accounts (name) VALUES ('first') RETURNING id")
        self.other_account_id = self.execute("INSERT INTO accounts (name) VALUES ('second') RETURNING id")
        self.token = self.new_token(self.account_id)
        self.operator_token = self.new_token(self.account_id, "operator")
        self.other_token = self.new_token(self.other_account_id)

    def execute(self, sql: str, *arguments: Any) -> Any:
        """Run one statement behind the API's back; returns the first value of its first row, if any."""
        cursor = self._connected().execute(sql, arguments)
        row = cursor.fetchone() if cursor.description else None
        return row and row[0]

    def close(self) -> None:
        """Close what `execute` opened."""
        if self._connection:
            self._connection.close()

    def _connected(self) -> psycopg.Connection:
        """Return a connection that works, kept from statement to statement: to open one takes longer than most."""
        if self._connection:
            with contextlib.suppress(psycopg.OperationalError):
                self._connection.execute("")
                return self._connection
        self._connection = psycopg.connect(self.database, autocommit=True, prepare_threshold=None)
        return self._connection

    def new_token(self, account_id: int, scope: str = "admin") -> str:
        """Return a new token of an account."""
        token = new_token()
        self.execute(
            "INSERT INTO api_tokens (account_id, name, scope, token_hash) VALUES (%s, 'test', %s, %s)",
            account_id,
            scope,
            token_digest(token),
        )
        return token

    async def call(self, method: str, path: str, token: str | None = "", **options: Any) -> ClientResponse:
        """Return the answer; its body is read, so `.json()` needs no connection."""
        headers = dict(options.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token or self.token}"
        if isinstance(options.get("data"), bytes):
            options["data"] = io.BytesIO(options["data"])
        async with self.client.request(method, path, headers=headers, **options) as response:
            await response.read()
        return response

    async def ok(self, method: str, path: str, json: Any = None, **options: Any) -> Any:
        """Return the JSON of an answer that must be a 2xx."""
        if json is not None:
            options["json"] = json
        response = await self.call(method, path, **options)
        assert response.status < 300, await response.text()
        return await response.json() if response.status != 204 else None

    async def problem(self, status: int, method: str, path: str, **options: Any) -> dict[str, Any]:
        """Return the problem document of an answer that must have this status."""
        response = await self.call(method, path, **options)
        assert (status, "application/problem+json") == (response.status, response.content_type), await response.text()
        return await response.json()

    async def new_feed(self, **attributes: Any) -> dict[str, Any]:
        """Return a new feed of a new provider."""
        provider = await self.ok("POST", "/api/dropship-providers.json", {"name": "Acme"})
        body = {"name": "Stock", "dropshipProviderId": provider["id"], "resourceType": "webhook", **attributes}
        return await self.ok("POST", "/api/inventory-feeds.json", body)


@pytest.fixture(autouse=True)
def _patience(monkeypatch) -> None:
    """A machine that is busy with other work is not a Postgres that is away: the API waits longer for it."""
    for name in ("ACQUIRE_TIMEOUT_S", "STATEMENT_TIMEOUT_S", "SILENCE_S"):
        monkeypatch.setattr(limits, name, 60.0)


@pytest.fixture
def make_application() -> Callable[[Settings], web.Application]:
    """What makes the application under test."""
    return application


class WarmParsers(Parsers):
    """One warm process for all tests: to start it takes longer than most files take to be read."""

    async def __aexit__(self, *_: object) -> None:
        """Stay warm."""


@pytest.fixture(scope="session", autouse=True)
async def _parsers() -> AsyncIterator[None]:
    warm = WarmParsers()
    with pytest.MonkeyPatch.context() as patched:
        for module in (ingest.api.app, ingest.pull.main):
            patched.setattr(module, "Parsers", lambda: warm)
        yield
    await warm.close()


@pytest.fixture(scope="session")
async def warm() -> AsyncIterator[Warm]:
    """Starts processes of roles, quickly."""
    found = Warm()
    yield found
    await found.close()


@pytest.fixture(scope="session", autouse=True)
def _patient_publishers() -> Iterator[None]:
    """A busy broker takes its time to bind a slot that is used for the first time: nothing is given up meanwhile."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ingest.amqp.publish, "HOLD_S", 60.0)
        yield


@pytest.fixture
async def api(settings, least_privilege, make_application) -> AsyncIterator[Api]:
    """The API, an account (`.token`, scope admin; `.operator_token`), and another one (`.other_token`)."""
    server = TestServer(make_application(least_privilege(settings, "api")))
    await server.start_server(access_log=None)  # as in production: paths may hold what senders put there by mistake
    async with TestClient(server) as client:
        made = Api(client, settings.dsn)
        yield made
        made.close()


@pytest.fixture
async def worker(settings) -> AsyncIterator[Worker]:
    """A worker that owns all shards."""
    running = Worker(settings)
    task = asyncio.create_task(running.run())
    yield running
    running.stop()
    await task
