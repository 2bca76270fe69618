"""How a page and an action are declared; `routes.py` lists them, `serve.py` serves them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web

from ingest.api.framework.caller import Scope
from ingest.pages.visit import Visit

Context = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page: `templates/<name>.html`, shown with what `show` returns.

    `path` is aiohttp's (`/feeds/{id:\\d+}`). `section` is the entry of the navigation that it belongs to. `live` names
    the blocks of the template that are sent again when they change; each stands alone in an element of the same id.
    """

    name: str
    path: str
    title: str
    show: Callable[[Visit], Awaitable[Context]]
    section: str = ""
    scope: Scope = Scope.READ
    live: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """An action's answer: where to go, what to say there, and how to take it back (an action's path and its fields)."""

    to: str
    said: str = ""
    undo: str | None = None
    undo_fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """An action's or page's answer in place: one block of a template."""

    template: str
    block: str
    context: Context
    status: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """An action's answer: a page once more, with what was wrong, and what was typed."""

    page: Page
    context: Context
    status: int = 422


@dataclass(frozen=True, slots=True)
class Made:
    """A secret that was made: `title` says of what, `note` what it does (its sentence ends with `until`, if any)."""

    title: str
    secret: str
    note: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """An action's answer: a page once more, with what was made above it, this once."""

    page: Page
    made: Made


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One POST: `act` changes something by the API's operations. `limit_bytes` is of its form.

    `fresh`: the form has the person's password, or the session's token, once more (`ui.fresh()`).
    `shows`: the page that shows what it makes (`Shown`).
    """

    path: str
    act: Callable[[Visit], Awaitable[Done | Again | Shown | Fragment | web.StreamResponse]]
    scope: Scope = Scope.WRITE
    limit_bytes: int | None = None
    fresh: bool = False
    shows: Page | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """One GET that answers by itself: a file, or a fragment that a page loads later."""

    path: str
    get: Callable[[Visit], Awaitable[Fragment | web.StreamResponse]]
    scope: Scope = Scope.READ


@dataclass(frozen=True, slots=True)
class Way:
    """One entry of the navigation: for whom it is, and what it stands together with."""

    section: str
    label: str
    address: str
    scope: Scope = Scope.READ
    group: str = ""


Entry = Page | Action | Download
