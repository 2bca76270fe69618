"""Live pages: one stream a page, and one look a second at each page that somebody watches, however many do.

A stream sends the blocks of its page that changed, as out-of-band swaps, and a beat so that the page knows that it is
still told. A browser opens six connections to one origin over HTTP/1.1, so a session gets four streams; pages beyond
that, and pages whose stream died, ask every five seconds (`?once=1`). Nothing is looked at while nobody watches.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from ingest.http.problems import ProblemError
from ingest.pages import layout
from ingest.pages.page import Page
from ingest.pages.render import RENDERER, html
from ingest.pages.security import HEADERS
from ingest.pages.serve import AwayError, Handler, session_of
from ingest.pages.visit import Visit
from schemas.errors import Transient
from schemas.logs import structlog
from schemas.postgres import AWAY

EVERY_S, BEAT_S, RECHECK_S = 1.0, 5.0, 60.0
MOST_STREAMS = 4
"""Of one session: two of the browser's six connections stay free for pages and forms."""
_MOST_WAITING = 10
_KEY = re.compile(r'name="key" value="[\w-]{16}"', re.ASCII)
_log = structlog.get_logger()
Parts = dict[str, str]
Queue = asyncio.Queue[Parts | None]
"""Changed parts, {} for none; None ends the stream."""


@dataclass(slots=True)
class View:
    """A page as one account and role sees it, watched by one stream or more."""

    page: Page
    visit: Visit
    watchers: set[Queue] = field(default_factory=set)
    parts: Parts = field(default_factory=dict)


class Watch:
    """The views that are watched in this process, and the one task that looks at them."""

    def __init__(self) -> None:
        """Start with none."""
        self._views: dict[tuple[int, str, str], View] = {}
        self._some = asyncio.Event()
        self.streams: dict[int, int] = {}
        self.looks = 0

    def join(self, page: Page, visit: Visit) -> tuple[View, Queue]:
        """Begin to watch a page; changed parts arrive in the queue."""
        key = self._key(visit)
        view = self._views.setdefault(key, View(page, visit))
        queue: Queue = asyncio.Queue(maxsize=_MOST_WAITING)
        view.watchers.add(queue)
        self._some.set()
        return view, queue

    def leave(self, view: View, queue: Queue) -> None:
        """Watch no longer; a view without watchers is not looked at any more."""
        view.watchers.discard(queue)
        if not view.watchers:
            self._views.pop(self._key(view.visit), None)
        if not self._views:
            self._some.clear()

    async def run(self) -> None:
        """Look for ever, once a second, while anyone watches."""
        while True:
            await self._some.wait()
            began = time.monotonic()
            for view in list(self._views.values()):
                await self._look(view)
            await asyncio.sleep(max(0.0, EVERY_S - (time.monotonic() - began)))

    async def _look(self, view: View) -> None:
        self.looks += 1
        try:
            parts = await rendered(view.page, view.visit)
        except (*AWAY, Transient, ProblemError) as error:
            _log.info("look_failed", page=view.page.name, error=type(error).__name__)
            return  # no beat is sent: the page says by itself since when it was not told
        except Exception:  # noqa: BLE001 - one page's fault does not end the others' streams; logged
            _log.exception("look_failed", page=view.page.name)
            return
        changed = {name: text for name, text in parts.items() if _seen(view.parts.get(name, "")) != _seen(text)}
        view.parts = parts
        for queue in view.watchers:
            _put(queue, changed)

    def close(self) -> None:
        """End all streams: the process stops."""
        for view in self._views.values():
            for queue in view.watchers:
                _put(queue, None)

    @staticmethod
    def _key(visit: Visit) -> tuple[int, str, str]:
        return visit.session.account_id, visit.session.role, visit.request.path_qs


WATCH = web.AppKey("watch", Watch)


def _put(queue: Queue, parts: Parts | None) -> None:
    """Give a stream what it is to send; one that does not get rid of it loses it, and its page asks by itself."""
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(parts)


async def context(app: web.Application) -> AsyncIterator[None]:
    """Look while the application runs."""
    app[WATCH] = Watch()
    task = asyncio.create_task(app[WATCH].run(), name="live pages")
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def close(app: web.Application) -> None:
    """End all streams: the process stops."""
    app[WATCH].close()


def handler_of(page: Page) -> Handler:
    """Return the aiohttp handler of a page's stream."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            session = await session_of(request)
        except AwayError:
            return web.Response(status=503)
        if session is None or not session.role.scope.includes(page.scope):
            return web.Response(status=204)  # ends the stream: EventSource does not ask again
        visit = Visit(_without_live(request), session)
        if "once" in request.query:
            return await _once(request, page, visit)
        watch = request.app[WATCH]
        return await _stream(request, page, visit, watch)

    return handle


async def rendered(page: Page, visit: Visit) -> Parts:
    """Return the live blocks of a page as they are now."""
    visit.asked.clear()
    request = visit.request
    known = {**layout.base(request, visit.session), **await page.show(visit)}
    renderer: Any = request.app[RENDERER]
    return {name: renderer.block(page.name, name, known, visit.session.time_zone) for name in page.live}


async def _once(request: web.Request, page: Page, visit: Visit) -> web.StreamResponse:
    try:
        return html(_swaps(await rendered(page, visit)))
    except (*AWAY, Transient):
        return web.Response(status=503)
    except ProblemError as problem:
        return layout.error(request, problem)


async def _stream(request: web.Request, page: Page, visit: Visit, watch: Watch) -> web.StreamResponse:
    headers = {**HEADERS, "Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    number = visit.session.id
    if watch.streams.get(number, 0) >= MOST_STREAMS:
        await response.write(_event("full", ""))
        return response
    view, queue = watch.join(page, visit)
    watch.streams[number] = watch.streams.get(number, 0) + 1
    try:
        await response.write(_event("parts", _swaps(view.parts)))
        await _told(request, response, queue)
    except (ConnectionError, AwayError):
        pass
    finally:
        watch.leave(view, queue)
        watch.streams[number] -= 1
        if not watch.streams[number]:
            del watch.streams[number]
    return response


async def _told(request: web.Request, response: web.StreamResponse, queue: Queue) -> None:
    """Send what changes until the session ends or the browser goes."""
    checked = beaten = time.monotonic()
    while True:
        changed = await queue.get()
        now = time.monotonic()
        if changed is None or request.transport is None or request.transport.is_closing():
            return
        if changed:
            await response.write(_event("parts", _swaps(changed)))
        elif now - beaten >= BEAT_S:
            await response.write(_event("beat", ""))
            beaten = now
        if now - checked >= RECHECK_S:
            if await session_of(request) is None:
                return
            checked = now


def _seen(text: str) -> str:
    """Return what people see of a part: each look gives its forms fresh keys."""
    return _KEY.sub("", text)


def _swaps(parts: Parts) -> str:
    return "".join(f'<div hx-swap-oob="innerHTML:#{name}">{text}</div>' for name, text in parts.items())


def _event(name: str, data: str) -> bytes:
    lines = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
    return f"event: {name}\n{lines}\n".encode()


def _without_live(request: web.Request) -> web.Request:
    """Return the request as the page itself would get it."""
    url = request.rel_url.with_path(request.path.removeprefix("/live") or "/")
    query = [(name, value) for name, value in request.query.items() if name != "once"]
    return request.clone(rel_url=url.with_query(query))
