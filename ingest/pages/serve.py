"""The way of a request to a page: whose session, may it, is it from our own page, the handler, the answer."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import orjson
from aiohttp import web

from ingest.api.framework.caller import Scope
from ingest.api.framework.dispatch import plain
from ingest.api.framework.operation import JSON
from ingest.http.problems import ProblemError, internal
from ingest.pages import cookies, layout
from ingest.pages.once import once
from ingest.pages.page import Action, Again, Done, Download, Entry, Fragment, Page
from ingest.pages.render import RENDERER, html
from ingest.pages.security import from_own_page
from ingest.pages.sessions.fresh import check_fresh
from ingest.pages.sessions.store import SESSIONS_KEY, Session
from ingest.pages.snapshots import SNAPSHOTS, key_of
from ingest.pages.visit import ConflictError, Visit
from schemas.errors import Transient
from schemas.logs import structlog
from schemas.metrics import API_REQUESTS, API_SECONDS
from schemas.postgres import AWAY

_FORM_LIMIT_BYTES = 2**20
_log = structlog.get_logger()
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class AwayError(Exception):
    """Postgres cannot be asked; `session` is the one that is remembered."""

    def __init__(self, session: Session | None) -> None:
        super().__init__()
        self.session = session


def handler_of(entry: Entry) -> Handler:
    """Return the aiohttp handler of a page, an action or a download."""
    serve: Callable[[web.Request], Awaitable[web.StreamResponse]]
    if isinstance(entry, Page):
        name, serve = f"pages.{entry.name}", lambda request: _show(request, entry)
    elif isinstance(entry, Action):
        name, serve = "pages.action", lambda request: _act(request, entry)
    else:
        name, serve = "pages.download", lambda request: _download(request, entry)

    async def handle(request: web.Request) -> web.StreamResponse:
        began, status = time.perf_counter(), 500
        try:
            response = await _answered(request, serve)
            status = response.status
        finally:
            API_SECONDS.labels(name).observe(time.perf_counter() - began)
            API_REQUESTS.labels(name, str(status)).inc()
        return response

    return handle


async def session_of(request: web.Request) -> Session | None:
    """Return the request's session; raises `AwayError` while Postgres cannot be asked."""
    cookie = cookies.session_cookie(request)
    if not cookie:
        return None
    sessions = request.app[SESSIONS_KEY]
    try:
        found = await sessions.find(cookie)
    except AWAY:
        raise AwayError(sessions.remembered(cookie)) from None
    request[layout.SESSION] = found
    return found


async def _answered(request: web.Request, serve: Handler) -> web.StreamResponse:
    try:
        return await serve(request)
    except AwayError as away:
        return layout.away(request, away.session)
    except (*AWAY, Transient):
        return layout.away(request, request.get(layout.SESSION))
    except ProblemError as problem:
        return layout.error(request, problem)
    except web.HTTPException:
        raise
    except Exception:  # noqa: BLE001 - the last line of defence; logged with the id that the page shows
        _log.exception("page_failed", path=request.path)
        return layout.error(request, internal("pages"))


async def _show(request: web.Request, page: Page) -> web.StreamResponse:
    url = request.path_qs
    try:
        session = await session_of(request)
    except AwayError as away:
        return layout.snapshot(request, page, away.session)
    if session is None:
        return _to_sign_in(request)
    _check_scope(session, page.scope)
    visit = Visit(request, session)
    try:
        context = await page.show(visit)
    except AWAY:
        return layout.snapshot(request, page, session)
    if request.query.get("as") == "json" and visit.asked and visit.asked[0].answer is not None:
        body = orjson.dumps(plain(visit.asked[0].answer.body), default=plain)
        return web.Response(body=body, content_type=JSON, headers={"Cache-Control": "no-store"})
    context = {**context, "asked": layout.asked(visit)}
    request.app[SNAPSHOTS].keep(key_of(session, url), context, datetime.now(UTC))
    return layout.page(request, page, session, context)


async def _act(request: web.Request, action: Action) -> web.StreamResponse:
    if not from_own_page(request.headers, request.host):
        raise ProblemError(403, "pages.origin", "this was not sent from a page of the dashboard; nothing was changed")
    session = await session_of(request)
    if session is None:
        return _to_sign_in(request)
    _check_scope(session, action.scope)
    posted = request.clone(client_max_size=action.limit_bytes or _FORM_LIMIT_BYTES)
    bare = request.clone()
    try:
        form = await posted.post()
    except web.HTTPRequestEntityTooLarge as error:
        raise ProblemError(413, "pages.too_large", f"{error.text}; nothing was changed") from None
    visit = Visit(bare, session, form)
    try:
        if action.fresh:
            await check_fresh(request, session, visit.text("fresh"))
        return _result(request, session, await once(visit, action))
    except ProblemError as problem:
        return _refused(request, visit, problem)
    finally:
        for field in form.values():
            if isinstance(field, web.FileField):
                field.file.close()


async def _download(request: web.Request, download: Download) -> web.StreamResponse:
    session = await session_of(request)
    if session is None:
        return _to_sign_in(request)
    _check_scope(session, download.scope)
    return _result(request, session, await download.get(Visit(request, session)))


def _result(request: web.Request, session: Session, result: Any) -> web.StreamResponse:
    if isinstance(result, Fragment):
        context = {**layout.base(request, session), **result.context}
        text = request.app[RENDERER].block(result.template, result.block, context, session.time_zone)
        return html(text, result.status)
    if isinstance(result, Again):
        return layout.page(request, result.page, session, result.context, result.status)
    if isinstance(result, Done):
        response = go(request, result.to)
        if result.said:
            cookies.say(request, response, result.said, undo=result.undo, fields=dict(result.undo_fields))
        return response
    assert isinstance(result, web.StreamResponse)
    return result


def _refused(request: web.Request, visit: Visit, problem: ProblemError) -> web.StreamResponse:
    """Answer in place, or go back to the page that asked, and say why there."""
    back = visit.text("back")
    if layout.is_fragment(request) or not layout.is_local(back) or isinstance(problem, ConflictError):
        return layout.error(request, problem, back)
    response = go(request, back)
    cookies.say(request, response, f"{layout.sentence(problem.detail)} Nothing was changed.", "bad")
    return response


def go(request: web.Request, to: str) -> web.Response:
    """Return the answer that leads to another page, for plain forms and for htmx.

    A button's answer that leads back to where it was pressed is put in place: htmx follows, and takes the content.
    """
    here = urlsplit(request.headers.get("HX-Current-URL", "")).path
    in_place = "HX-Boosted" in request.headers and urlsplit(to).path == here
    if "HX-Request" in request.headers and not in_place:
        return web.Response(status=204, headers={"HX-Redirect": to})
    return web.Response(status=303, headers={"Location": to, "Cache-Control": "no-store"})


def _to_sign_in(request: web.Request) -> web.Response:
    wanted = request.path_qs if request.method == "GET" and request.path != "/" else None
    return go(request, str(request.rel_url.with_path("/sign-in").with_query({"next": wanted} if wanted else {})))


def _check_scope(session: Session, scope: Scope) -> None:
    if not session.role.scope.includes(scope):
        raise ProblemError(
            403, "pages.role", f"this needs another role than {session.role}: ask an admin of the account"
        )
