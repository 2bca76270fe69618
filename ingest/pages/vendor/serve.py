"""The way of a request to a vendor's page: not too often, by whose cookie, the view, the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from ingest.api.framework.call import SERVICES
from ingest.http.problems import ProblemError
from ingest.pages import cookies, layout
from ingest.pages.render import RENDERER, html
from ingest.pages.security import from_own_page
from ingest.pages.sessions.tries import Tries
from ingest.pages.vendor.trying import MAX_FILE_BYTES
from ingest.pages.vendor.views import ENTRIES, View
from ingest.pages.vendor.visitors import LONGEST_S, Visitor, enter, visitor
from ingest.pages.visit import Visit
from schemas.errors import Transient
from schemas.logs import structlog
from schemas.postgres import AWAY

LOOKS = web.AppKey("vendors' looks", Tries)
TESTS = web.AppKey("vendors' tests", Tries)
WRONG = web.AppKey("wrong links", Tries)
_LOOKS_A_MINUTE, _TESTS_A_MINUTE = 120, 6
_ROBOTS = {"X-Robots-Tag": "noindex, nofollow"}
_GONE = "This link does not work any more: it was revoked, or it is over. Ask for another one."
_log = structlog.get_logger()
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def add_routes(app: web.Application) -> None:
    """Add a vendor's pages."""
    app[LOOKS], app[TESTS], app[WRONG] = Tries(_LOOKS_A_MINUTE), Tries(_TESTS_A_MINUTE), Tries()
    app.router.add_post(r"/s/{link:\d+}", _caught(_enter))
    for entry in ENTRIES:
        app.router.add_route("POST" if entry.posts else "GET", entry.path, _caught(_handler(entry)))


def _caught(handler: Handler) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            _not_too_often(request, LOOKS)
            return await handler(request)
        except (*AWAY, Transient):
            return _error(request, 503, "We cannot look it up at the moment. Posts are still taken; try again soon.")
        except ProblemError as problem:
            response = _error(request, problem.status, layout.sentence(problem.detail))
            response.headers.update(problem.headers)
            return response
        except web.HTTPException:
            raise
        except Exception:  # noqa: BLE001 - the last line of defence; logged
            _log.exception("vendor_page_failed", path=request.path)
            return _error(request, 500, "Something went wrong on our side; it has been logged.")

    return handle


async def _enter(request: web.Request) -> web.StreamResponse:
    """Swap the secret behind the link's `#` for a cookie."""
    if not from_own_page(request.headers, request.host):
        raise ProblemError(403, "pages.origin", "this was not sent from the link's own page")
    _not_too_often(request, WRONG, counts=False)
    form = await request.post()
    number = _number(request)
    cookie = await enter(request.app[SERVICES].pool, number, str(form.get("secret", "")).strip())
    if cookie is None:
        request.app[WRONG].count(request.remote or "")
        return _page(request, "vendor_door", {"title": "This link does not work", "wrong": _GONE}, status=403)
    response = web.Response(status=303, headers={"Location": f"/s/{number}", "Cache-Control": "no-store"})
    cookies.keep_vendor(request, response, number, cookie, LONGEST_S)
    return response


def _handler(entry: View) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        number, pool = _number(request), request.app[SERVICES].pool
        cookie = cookies.vendor_cookie(request, number)
        who = await visitor(pool, number, cookie) if cookie else None
        if who is None:
            door = {"title": "Your stock", "wrong": _GONE if cookie else ""}
            return _page(request, "vendor_door", door, status=401 if cookie else 200)
        form: Mapping[str, Any] = {}
        if entry.posts:
            form = await _posted(request, number)
        visit = Visit(request.clone(), who.session(), form)
        try:
            result = await entry.view(visit, who)
        finally:
            for field in form.values():
                if isinstance(field, web.FileField):
                    field.file.close()
        if isinstance(result, web.StreamResponse):
            result.headers.update(_ROBOTS)
            return result
        return _page(request, entry.template, {"visitor": who, "here": f"/s/{number}", **result}, who)

    return handle


async def _posted(request: web.Request, number: int) -> Mapping[str, Any]:
    if not from_own_page(request.headers, request.host):
        raise ProblemError(403, "pages.origin", "this was not sent from the link's own page")
    _not_too_often(request, TESTS, f"link {number}")
    try:
        return await request.clone(client_max_size=MAX_FILE_BYTES + 2**16).post()
    except web.HTTPRequestEntityTooLarge:
        most = MAX_FILE_BYTES >> 20
        raise ProblemError(413, "pages.too_large", f"a file may have {most} MB here: send its beginning") from None


def _not_too_often(request: web.Request, kind: Any, who: str = "", *, counts: bool = True) -> None:
    tries, key = request.app[kind], who or request.remote or ""
    wait_s = tries.wait_s(key)
    if wait_s:
        detail = f"too many requests; try again in {wait_s:.0f} s"
        raise ProblemError(429, "pages.vendor.busy", detail, {}, {"Retry-After": str(int(wait_s) + 1)})
    if counts:
        tries.count(key)


def _number(request: web.Request) -> int:
    number = int(request.match_info["link"])
    return number if number < 2**63 else 0


def _error(request: web.Request, status: int, detail: str) -> web.Response:
    return _page(request, "vendor_error", {"title": "That does not go", "detail": detail}, status=status)


def _page(
    request: web.Request, template: str, context: Mapping[str, Any], who: Visitor | None = None, status: int = 200
) -> web.Response:
    known = {"theme": "", "visitor": None, "here": f"/s/{_number(request)}", "q": dict(request.query), **context}
    text = request.app[RENDERER].page(template, known, who.time_zone if who else "UTC")
    return html(text, status, _ROBOTS)
