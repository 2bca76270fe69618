"""The dashboard under test: the real application on a real port, and browsers with sessions of two accounts."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import psycopg
import pytest
from argon2 import PasswordHasher
from lxml import html

from ingest.pages.app import application
from ingest.pages.sessions import passwords

OWN = {"Sec-Fetch-Site": "same-origin"}
_NUMBER = 987_654
_SEED = """
INSERT INTO dropship_providers (id, account_id, name) VALUES (%(id)s, %(account)s, 'bare');
INSERT INTO inventory_feeds (id, account_id, dropship_provider_id, name, resource_type, hash)
VALUES (%(id)s, %(account)s, %(id)s, 'bare', 'xml', 'bare');
INSERT INTO runs (id, account_id, feed_id, status, trigger) VALUES (%(id)s, %(account)s, %(id)s, 'failed', 'manual');
INSERT INTO variants (account_id, id, sku) VALUES (%(account)s, %(id)s, 'bare');
INSERT INTO feed_variants (account_id, feed_id, id, external_id, item_hash, details_hash, created_at, updated_at)
VALUES (%(account)s, %(id)s, %(id)s, 'bare', 0, 0, now(), now());
INSERT INTO receipts (account_id, batch_id, received_at, feed_id, source, applied_at, counts, items)
VALUES (%(account)s, %(batch)s, now(), %(id)s, 'webhook', now(), '{"updated": 1}', '[]');
INSERT INTO endpoints (id, account_id, name, url, events, position)
VALUES (%(id)s, %(account)s, 'bare', 'https://x.example', '{run.held}', 0);
INSERT INTO people (id, account_id, name, role, password_hash) VALUES (%(id)s, %(account)s, 'bare', 'viewer', '');
INSERT INTO api_tokens (id, account_id, name, scope, token_hash)
VALUES (%(id)s, %(account)s, 'bare', 'read', '\\x00');
INSERT INTO vendor_links (id, account_id, feed_id, note, digest, expires_at)
VALUES (%(id)s, %(account)s, %(id)s, 'bare', '\\x00', now() + interval '1 day');
INSERT INTO sessions (id, digest, account_id, role, who, address, agent)
VALUES (%(id)s, '\\x00', %(account)s, 'viewer', 'bare', '', '');
INSERT INTO previews (account_id, id, draft, source)
VALUES (%(account)s, %(id)s, '{"settings": {"resourceType": "ftpCsv"}, "detected": [], "proposed": []}', 'sample');
INSERT INTO dead_letters (account_id, id, code, reason, payload) OVERRIDING SYSTEM VALUE
VALUES (%(account)s, %(id)s, 'test', 'bare', '{}');
INSERT INTO operations (account_id, id, kind, who, newer, max_id, total)
VALUES (%(account)s, %(id)s, 'replay', 'bare', 'skip', 1, 1);
"""
_BATCH = uuid.UUID(int=_NUMBER)


class Page:
    """An answered page: its status, text and elements."""

    def __init__(self, response: aiohttp.ClientResponse, text: str) -> None:
        self.status = response.status
        self.url = response.url.path
        self.text = text
        self.headers = response.headers
        self.tree = html.fromstring(text) if text.strip() else html.Element("html")

    def texts(self, selector: str) -> list[str]:
        """Return the texts of what matches, each with its white space folded."""
        return [" ".join(found.text_content().split()) for found in self.tree.cssselect(selector)]

    def text_of(self, selector: str) -> str:
        """Return the text of the one thing that matches."""
        (found,) = self.texts(selector)
        return found


class Browser:
    """One person at the dashboard: a cookie jar, and what a browser sends with a form of ours."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        self.token = ""

    async def page(self, path: str, **headers: str) -> Page:
        """Return a page; redirects are followed."""
        async with self.client.get(self.url + path, headers=headers) as response:
            return Page(response, await response.text())

    async def post(self, path: str, fields: Any = None, headers: Mapping[str, str] = OWN) -> Page:
        """Send a form and return the page that it leads to."""
        async with self.client.post(self.url + path, data=fields or {}, headers=headers) as response:
            return Page(response, await response.text())

    async def upload(self, path: str, files: Mapping[str, bytes]) -> Page:
        """Send a form with files."""
        form = aiohttp.FormData()
        for name, content in files.items():
            form.add_field(name, content, filename=name, content_type="application/octet-stream")
        return await self.post(path, form)

    async def sign_in(self, token: str) -> Page:
        """Sign in by a token, which is kept for what asks for it once more."""
        self.token = token
        return await self.post("/sign-in", {"token": token})


class Dashboard:
    """The API under test (`.api`), and browsers."""

    def __init__(self, api: Any) -> None:
        self.api = api
        self.url = str(api.client.make_url("")).rstrip("/")
        self.browsers: list[Browser] = []

    async def browser(self, scope: str | None = "admin", account_id: int | None = None) -> Browser:
        """Return a browser, signed in by a new token of this scope (None: not signed in)."""
        browser = Browser(self.url)
        self.browsers.append(browser)
        if scope is not None:
            await browser.sign_in(self.api.new_token(account_id or self.api.account_id, scope))
        return browser


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch) -> None:
    """A password's hash takes long on purpose, which is what tests/unit/pages/test_passwords.py is about."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_HASHER", quick)
    monkeypatch.setattr(passwords, "_NOBODY", quick.hash("nobody's"))


@pytest.fixture
def amqp_url(two_shards):
    """Two shards are enough here, and quicker to take than four; they stand already."""
    return two_shards


@pytest.fixture
def settings(settings):
    """They are told of. No worker runs, so nobody waits for its reply; one that is written down lives for a test."""
    return settings.model_copy(update={"shards": 2, "reply_timeout_ms": 100, "heartbeat_timeout_ms": 120_000})


@pytest.fixture
def make_application():
    """The API with the dashboard."""
    return application


@pytest.fixture
async def dashboard(api) -> AsyncIterator[Dashboard]:
    """The dashboard and its API, with two accounts."""
    running = Dashboard(api)
    yield running
    for browser in running.browsers:
        await browser.client.close()


@pytest.fixture
def bare(api) -> dict[str, str]:
    """One of everything of the first account, with nothing in it, and by which names addresses hold it."""
    with psycopg.ClientCursor(psycopg.connect(api.database, autocommit=True)) as cursor:
        cursor.execute(_SEED, {"id": _NUMBER, "account": api.account_id, "batch": _BATCH})
        cursor.connection.close()
    return {
        "id": str(_NUMBER),
        "run": str(_NUMBER),
        "version": str(_NUMBER),
        "link": str(_NUMBER),
        "batch": str(_BATCH),
        "sku": "bare",
    }
