"""The dashboard under test: the real application on a real port, and browsers with sessions of two accounts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pytest
from lxml import html

from ingest.pages.app import application

OWN = {"Sec-Fetch-Site": "same-origin"}


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


@pytest.fixture
def amqp_url(two_shards):
    """Two shards are enough here, and quicker to take than eight; they stand already."""
    return two_shards


@pytest.fixture
def settings(settings):
    """They are told of."""
    return settings.model_copy(update={"shards": 2})


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
