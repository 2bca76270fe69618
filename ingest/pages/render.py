"""Templates: Jinja2 with every value escaped and every missing one an error."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import orjson
from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ingest.pages import tones, words
from ingest.pages.security import HEADERS
from ingest.pages.static_files import versioned

TEMPLATES = Path(__file__).parent / "templates"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
_LOOK: ContextVar[tuple[datetime, str]] = ContextVar("look")
"""When a page is being written, and the account's time zone: what the times on it are relative to."""


@cache
def environment() -> Environment:
    """Return the templates with their filters; each is compiled once a process, however many applications there are."""
    env = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    env.filters |= {
        "ago": ago,
        "browser": words.browser,
        "bytes": words.size,
        "clock": at_clock,
        "counted": words.counted,
        "duration": words.duration,
        "id": element_id,
        "left": left,
        "local": local,
        "n": words.number,
        "query": query,
        "shown": words.shown,
        "signed": words.signed,
        "told": told,
        "zip_with": lambda left, right: list(zip(left, right, strict=True)),
    }
    env.globals |= {"static": versioned, "tone": tones.of, "icon": tones.icon, "kinds": tones.KINDS}
    env.globals["fresh_key"] = fresh_key
    env.globals["ui"] = env.get_template("ui.html").module
    return env


class Renderer:
    """Writes pages and their blocks."""

    def __init__(self) -> None:
        """Read the templates."""
        self._env = environment()

    def page(self, template: str, context: Mapping[str, Any], zone: str = "UTC") -> str:
        """Return a whole page."""
        _LOOK.set((datetime.now(UTC), zone))
        return self._env.get_template(f"{template}.html").render(context)

    def block(self, template: str, block: str, context: Mapping[str, Any], zone: str = "UTC") -> str:
        """Return one block of a page's template by itself."""
        _LOOK.set((datetime.now(UTC), zone))
        known = self._env.get_template(f"{template}.html")
        return "".join(known.blocks[block](known.new_context(dict(context))))


RENDERER = web.AppKey("renderer", Renderer)


def html(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a page's answer, compressed when the browser takes it."""
    response = web.Response(text=text, status=status, content_type="text/html", headers={**HEADERS, **(headers or {})})
    response.enable_compression()
    return response


def ago(moment: datetime | None) -> str | Markup:
    """Return a relative time with the absolute one in its title."""
    if moment is None:
        return words.UNKNOWN
    now, zone = _LOOK.get()
    return _time(moment, words.relative(moment, now), zone)


def at_clock(moment: datetime | None) -> str | Markup:
    """Return a time of day, with the absolute time in its title."""
    if moment is None:
        return words.UNKNOWN
    now, zone = _LOOK.get()
    return _time(moment, words.clock(moment, zone, now), zone)


def told(value: Any, length: int) -> str | Markup:
    """Return a value of an API's resource: its times as times of the account's zone, what is nested as JSON, cut."""
    if isinstance(value, str) and _TIME.fullmatch(value):
        return at_clock(datetime.fromisoformat(value))
    text = orjson.dumps(value).decode() if isinstance(value, dict) else words.shown(value)
    return text if len(text) <= length else f"{text[: length - 1]}…"


def left(moment: datetime) -> str:
    """Return how long it is until then: 23 h 10 min; "over" afterwards."""
    seconds = (moment - _LOOK.get()[0]).total_seconds()
    return words.duration(seconds) if seconds > 0 else "over"


def local(moment: datetime) -> str:
    """Return a time as a field for times takes it: of the account's zone, to the minute."""
    return f"{moment.astimezone(ZoneInfo(_LOOK.get()[1])):%Y-%m-%dT%H:%M}"


def element_id(text: str) -> str:
    """Return an element's id for any text, such as a column's name."""
    return f"x{hashlib.blake2b(str(text).encode('utf-8', 'replace'), digest_size=6).hexdigest()}"


def fresh_key() -> str:
    """Return the idempotency key of one form on one page."""
    return secrets.token_urlsafe(12)


def query(given: Mapping[str, Any], **changes: Any) -> str:
    """Return a query string: what is given, changed; what is None or empty is left out."""
    pairs = {name: value for name, value in {**given, **changes}.items() if value not in (None, "")}
    return f"?{urlencode(pairs)}" if pairs else "?"


def _time(moment: datetime, text: str, zone: str) -> Markup:
    element = '<time datetime="{}" title="{}">{}</time>'
    return Markup(element).format(moment.astimezone(UTC).isoformat(), words.absolute(moment, zone), text)  # noqa: S704 - format escapes
