"""Signing in and out: by an API token, a person's name and password, or a link that works once."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ingest.http.problems import ProblemError
from ingest.pages import cookies, layout
from ingest.pages.render import RENDERER, html
from ingest.pages.security import HEADERS, from_own_page
from ingest.pages.serve import AwayError, Handler, go, session_of
from ingest.pages.sessions.store import SESSIONS_KEY, Origin
from ingest.pages.sessions.tries import Tries
from schemas.logs import structlog

TRIES = web.AppKey("tries", Tries)
_LINK = "/sign-in/{secret:[A-Za-z0-9_-]{20,200}}"
_WRONG = "This is not known. Check it, and try again."
_USED = "This link was used, or is too old. Ask an admin for another one, or the machine itself: feedline login-link."
_log = structlog.get_logger()


def add_routes(app: web.Application) -> None:
    """Add the ways in and out."""
    app[TRIES] = Tries()
    app.router.add_get("/sign-in", _caught(_form))
    app.router.add_post("/sign-in", _caught(_sign_in))
    app.router.add_get(_LINK, _caught(_door))
    app.router.add_post(_LINK, _caught(_by_link))
    app.router.add_post("/sign-out", _caught(_sign_out))
    app.router.add_post("/theme", _caught(_theme))


def _caught(handler: Handler) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        if request.method == "POST" and not from_own_page(request.headers, request.host):
            foreign = ProblemError(403, "pages.origin", "this was not sent from a page of the dashboard")
            return layout.error(request, foreign)
        try:
            return await handler(request)
        except ProblemError as problem:
            return layout.error(request, problem)
        except AwayError as away:
            return layout.away(request, away.session)

    return handle


async def _form(request: web.Request) -> web.StreamResponse:
    return _page(request, next_=request.query.get("next", ""))


async def _sign_in(request: web.Request) -> web.StreamResponse:
    form = await request.post()
    name, password, token, wanted = (str(form.get(key, "")).strip() for key in ("name", "password", "token", "next"))
    origin = _checked(request)
    sessions = request.app[SESSIONS_KEY]
    cookie = await (sessions.by_token(token, origin) if token else sessions.by_password(name, password, origin))
    if cookie is None:
        return _failed(request, origin, _WRONG, wanted)
    return _in(request, cookie, wanted)


async def _door(request: web.Request) -> web.StreamResponse:
    """Show the door of a one-time link, which opens by itself in a browser: mail scanners look at it, and only look."""
    context = {**layout.base(request, None), "title": "Sign in", "here": request.path}
    return html(request.app[RENDERER].page("sign_in_door", context), 200, HEADERS)


async def _by_link(request: web.Request) -> web.StreamResponse:
    origin = _checked(request)
    entered = await request.app[SESSIONS_KEY].by_link(request.match_info["secret"], origin)
    return _in(request, *entered) if entered else _failed(request, origin, _USED)


async def _sign_out(request: web.Request) -> web.StreamResponse:
    session = await session_of(request)
    if session is not None:
        await request.app[SESSIONS_KEY].finish(session.account_id, session.id)
    response = go(request, "/sign-in")
    cookies.drop_session(request, response)
    return response


async def _theme(request: web.Request) -> web.StreamResponse:
    form = await request.post()
    back = str(form.get("back", "/"))
    response = go(request, back if layout.is_local(back) else "/")
    cookies.keep_theme(request, response, str(form.get("theme", "")))
    return response


def _checked(request: web.Request) -> Origin:
    address = request.remote or ""
    wait_s = request.app[TRIES].wait_s(address)
    if wait_s:
        detail = f"too many sign-ins failed from your address; try again in {wait_s:.0f} s"
        raise ProblemError(429, "pages.tries", detail, {}, {"Retry-After": str(int(wait_s) + 1)})
    return Origin(address, request.headers.get("User-Agent", ""))


def _failed(request: web.Request, origin: Origin, why: str, next_: str = "") -> web.StreamResponse:
    request.app[TRIES].count(origin.address)
    _log.warning("sign_in_failed", address=origin.address)
    return _page(request, failed=why, next_=next_, status=401)


def _in(request: web.Request, cookie: str, wanted: str) -> web.StreamResponse:
    response = go(request, wanted if layout.is_local(wanted) else "/")
    cookies.keep_session(request, response, cookie)
    return response


def _page(request: web.Request, *, failed: str = "", next_: str = "", status: int = 200) -> web.StreamResponse:
    context: dict[str, Any] = {**layout.base(request, None), "title": "Sign in", "failed": failed, "next": next_}
    return html(request.app[RENDERER].page("sign_in", context), status, HEADERS)
