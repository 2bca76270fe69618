"""What stands around every page: navigation, account, flash; and the pages that stand in when one cannot be shown."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import orjson
from aiohttp import web

from ingest.api.framework.caller import Scope
from ingest.http.problems import ProblemError
from ingest.http.request_ids import id_of
from ingest.pages import cookies
from ingest.pages.page import Page, Way
from ingest.pages.render import RENDERER, html
from ingest.pages.security import HEADERS
from ingest.pages.sessions.store import Session
from ingest.pages.snapshots import SNAPSHOTS, key_of
from ingest.pages.visit import Asked, ConflictError, Visit

_TITLES = {
    400: "That cannot be asked",
    403: "Not allowed",
    404: "There is nothing here",
    409: "That does not go now",
    412: "Somebody was faster",
    413: "That is too large",
    422: "That cannot be",
    429: "Too many requests",
    502: "The vendor's server does not answer",
    503: "Not available at the moment",
}


@dataclass(frozen=True, slots=True)
class Curl:
    """One of the operations that a page is made of, as a line for a terminal."""

    title: str
    line: str


_ADDRESS = re.compile(r"[a-z]+://")
_ABOUT = re.compile(r"(/feeds/[0-9]+)/", re.ASCII)
"""The pages of one feed."""
SESSION: web.RequestKey[Session | None] = web.RequestKey("session", object)  # type: ignore[arg-type]
"""The request's own session, noted on it when it was found."""
NAVIGATION = web.AppKey("navigation", tuple[Way, ...])


def base(request: web.Request, session: Session | None) -> dict[str, Any]:
    """Return what every template is given."""
    scope = session.role.scope if session else None
    entries = [entry for entry in request.app[NAVIGATION] if scope and scope.includes(entry.scope)]
    return {
        "session": session,
        "navigation": entries,
        "theme": cookies.theme(request),
        "flash": cookies.said(request),
        "path": request.path,
        "url": request.path_qs,
        "q": dict(request.query),
        "may": partial(_may, scope),
        "as_of": None,
        "asked": [],
        "live_url": None,
        "section": "",
        "title": "",
    }


def page(
    request: web.Request, page: Page, session: Session, context: Mapping[str, Any], status: int = 200
) -> web.Response:
    """Return a page."""
    live = f"/live{request.path_qs}" if page.live and request.method == "GET" else None
    return _page(
        request, page.name, session, {"section": page.section, "title": page.title, "live_url": live, **context}, status
    )


def snapshot(request: web.Request, page: Page, session: Session | None) -> web.Response:
    """Return what the page showed last, with its age and without actions; else say that Postgres is away."""
    known = request.app[SNAPSHOTS].get(key_of(session, request.path_qs)) if session else None
    if session is None or known is None:
        return away(request, session)
    context = {
        "section": page.section,
        "title": page.title,
        **known.context,
        "as_of": known.at,
        "may": partial(_may, None),
    }
    return _page(request, page.name, session, context, status=503)


def away(request: web.Request, session: Session | None) -> web.Response:
    """Say that Postgres is away: what is known of what was asked, that posts are still accepted, the way back."""
    posted = request.method != "GET"
    back = urlsplit(request.headers.get("HX-Current-URL", "") or request.headers.get("Referer", "")).path
    again = (back if is_local(back) else "/") if posted else request.path_qs
    context = {"title": "Postgres cannot be reached", "posted": posted, "again": again}
    return _page(request, "away", session, context, status=503)


def error(request: web.Request, problem: ProblemError, again: str = "") -> web.Response:
    """Say what failed, whether anything was changed, and under which id it is in the log; `again` leads back."""
    context = {
        "title": _TITLES.get(problem.status, "Something went wrong"),
        "detail": sentence(problem.detail),
        "status": problem.status,
        "code": problem.code,
        "changed": problem.status >= 500 and request.method != "GET",  # noqa: PLR2004 - the server's faults
        "request_id": id_of(request),
        "both": problem.both if isinstance(problem, ConflictError) else [],
        "again": again if is_local(again) else request.path,
        "ways": _ways(request, problem),
    }
    if is_fragment(request):
        return html(request.app[RENDERER].block("error", "fragment", context), problem.status)
    section = _section(request)
    context["section"] = section.section if section else ""
    response = _page(request, "error", request.get(SESSION), context, problem.status)
    response.headers.update(problem.headers)
    return response


def _ways(request: web.Request, problem: ProblemError) -> list[tuple[str, str]]:
    """Return where to go from an error: once more, to what the page is about, to its list, home."""
    ways = [("/", "To Now")]
    if (section := _section(request)) is not None:
        ways.insert(0, (section.address, f"To {section.label}"))
    if whole := _ABOUT.match(request.path):
        ways.insert(0, (whole[1], "To the feed"))
    if problem.status >= 500 and request.method == "GET":  # noqa: PLR2004 - not what was asked
        ways.insert(0, (request.path_qs, "Try again"))
    return ways


def _section(request: web.Request) -> Way | None:
    """Return the entry of the navigation under whose address a page lies."""
    inside = (
        way
        for way in request.app[NAVIGATION]
        if way.address != "/" and f"{request.path}/".startswith(f"{way.address}/")
    )
    return next(inside, None)


def asked(visit: Visit) -> list[Curl]:
    """Return the operations that a page asked, as curl lines, each one once."""
    lines = {f"{one.operation.method} {one.path}": Curl(one.operation.summary, curl(visit, one)) for one in visit.asked}
    return list(lines.values())


def curl(visit: Visit, one: Asked) -> str:
    """Return what asks the API as a line for a terminal."""
    root = visit.services.settings.public_api_url.rstrip("/") or f"{visit.request.scheme}://{visit.request.host}"
    parts = ["curl", "-H", '"Authorization: Bearer $TOKEN"']
    if one.operation.method != "GET":
        parts += ["-X", one.operation.method]
    if isinstance(one.body, dict | list):
        parts += ["-H", "'Content-Type: application/json'", "-d", shlex.quote(orjson.dumps(one.body).decode())]
    return " ".join([*parts, shlex.quote(root + one.path)])


def sentence(text: str) -> str:
    """Return a problem's detail as a sentence; an address at its beginning stays as it is."""
    begun = text if _ADDRESS.match(text) else f"{text[:1].upper()}{text[1:]}"
    return f"{begun.rstrip('.')}."


def is_fragment(request: web.Request) -> bool:
    """Return whether a part of a page asks for a part; a button asks for the whole page, and takes its content."""
    return "HX-Request" in request.headers and "HX-Boosted" not in request.headers


def is_local(path: str) -> bool:
    """Return whether a path leads to a page of ours, and nowhere else."""
    return path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()


def _page(
    request: web.Request, template: str, session: Session | None, context: Mapping[str, Any], status: int = 200
) -> web.Response:
    zone = session.time_zone if session else "UTC"
    text = request.app[RENDERER].page(template, {**base(request, session), **context}, zone)
    response = html(text, status, HEADERS)
    if cookies.said(request):
        cookies.unsay(request, response)
    return response


def _may(scope: Scope | None, needed: str) -> bool:
    return scope is not None and scope.includes(Scope(needed))
