"""The pages' cookies: the session, the theme that somebody chose, and what the next page is to say."""

from __future__ import annotations

import base64
from typing import Any, Literal

import orjson
from aiohttp import web

from ingest.api.framework.call import SERVICES
from ingest.http.problems import ProblemError
from ingest.pages.security import CookieKind, cookie_kind
from ingest.pages.sessions.store import LONGEST_S

THEMES = ("light", "dark")
_YEAR_S = 365 * 86_400
_MAX_FLASH = 2_000
Tone = Literal["good", "bad"]


def kind_of(request: web.Request) -> CookieKind:
    """Return how this request's session is kept; raises 403 where it would cross a network unencrypted."""
    public = request.app[SERVICES].settings.public_api_url
    kind = cookie_kind(https=request.secure or public.startswith("https://"), host=request.host)
    if kind is None:
        raise ProblemError(
            403, "pages.insecure", "the dashboard needs https, unless it is opened on this machine: set PUBLIC_API_URL"
        )
    return kind


def session_cookie(request: web.Request) -> str | None:
    """Return the session's cookie, if there is one."""
    return request.cookies.get(kind_of(request).name)


def keep_session(request: web.Request, response: web.StreamResponse, cookie: str) -> None:
    """Give the browser its session."""
    _set(request, response, "", cookie, LONGEST_S)


def drop_session(request: web.Request, response: web.StreamResponse) -> None:
    """Take the session from the browser."""
    _set(request, response, "", "", 0)


def vendor_cookie(request: web.Request, link: int) -> str | None:
    """Return the cookie that a vendor's link was swapped for."""
    return request.cookies.get(f"{kind_of(request).name}-vendor-{link}")


def keep_vendor(request: web.Request, response: web.StreamResponse, link: int, cookie: str, seconds: int) -> None:
    """Give a vendor's browser its session; each link has its own."""
    _set(request, response, f"-vendor-{link}", cookie, seconds)


def theme(request: web.Request) -> str:
    """Return light or dark when somebody chose, else ""."""
    chosen = request.cookies.get(f"{kind_of(request).name}-theme", "")
    return chosen if chosen in THEMES else ""


def keep_theme(request: web.Request, response: web.StreamResponse, chosen: str) -> None:
    """Remember a theme; "" is the system's again."""
    known = chosen in THEMES
    _set(request, response, "-theme", chosen if known else "", _YEAR_S if known else 0)


def say(request: web.Request, response: web.StreamResponse, text: str, tone: Tone = "good", **undo: Any) -> None:
    """Let the next page say something once, with a way to take it back: `undo` (an action's path), its `fields`."""
    packed = base64.urlsafe_b64encode(orjson.dumps({"text": text[: _MAX_FLASH // 2], "tone": tone, **undo})).decode()
    _set(request, response, "-said", packed if len(packed) < 2 * _MAX_FLASH else "", 60)


def said(request: web.Request) -> dict[str, Any] | None:
    """Return what this page is to say."""
    packed = request.cookies.get(f"{kind_of(request).name}-said")
    if not packed:
        return None
    try:
        known = orjson.loads(base64.urlsafe_b64decode(packed))
    except ValueError:
        return None
    return {"text": "", "tone": "good", "undo": None, "fields": {}, **known} if isinstance(known, dict) else None


def unsay(request: web.Request, response: web.StreamResponse) -> None:
    """Say it no second time."""
    _set(request, response, "-said", "", 0)


def _set(request: web.Request, response: web.StreamResponse, name: str, value: str, seconds: int) -> None:
    kind = kind_of(request)
    response.set_cookie(
        kind.name + name, value, max_age=seconds, path="/", secure=kind.secure, httponly=True, samesite="Lax"
    )
