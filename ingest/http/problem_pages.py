"""The pages that a problem's `type` leads to: what the code means, what to do. Edge and API both serve them.

Served beside the problem itself, so that the relative reference in `type` leads there in every deployment.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from html import escape
from typing import Final

from aiohttp import web

from ingest.http.problem_codes import API, EDGE, PAGES, REASONS, Meaning

PATH: Final = "/api/problems"
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "public, max-age=3600",
}
_CODE: Final = re.compile(r"api\.(\w+\.\w+)\.([\w.]+)", re.ASCII)
_STYLE: Final = (
    ":root{color-scheme:light dark}"
    "body{font:16px/1.6 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}"
    "code{font:.95em ui-monospace,monospace;overflow-wrap:anywhere}"
    "h1{font-size:1.35rem}h2{font-size:1.05rem;margin-top:1.8rem}dt{margin-top:1rem}dd{margin:0}"
)


class ProblemPages:
    """Knows every code: of the edge, of the dashboard, and of the API's operations with these names and reasons."""

    def __init__(self, operations: Collection[str] = (), more_reasons: Mapping[str, Meaning] | None = None) -> None:
        self._operations = frozenset(operations)
        self._alone = {**EDGE, **API, **PAGES}
        self._reasons = {**(more_reasons or {}), **REASONS}

    def meaning(self, code: str) -> Meaning | None:
        """Return what a code means; None for one that nobody answers with."""
        match = _CODE.fullmatch(code)
        if match is None or match[1] not in self._operations:
            return self._alone.get(code)
        return self._reasons.get(match[2])

    def answer(self, path: str) -> web.Response | None:
        """Return the page at a path, the list of all at `PATH` itself; None where there is none."""
        if path.rstrip("/") == PATH:
            return _html("Problems", self._list())
        if not path.startswith(f"{PATH}/"):
            return None
        code = path.removeprefix(f"{PATH}/")
        meaning = self.meaning(code)
        return None if meaning is None else _html(code, _page(code, meaning))

    def _list(self) -> str:
        alone = "".join(
            f'<dt><a href="{PATH}/{code}"><code>{code}</code></a></dt><dd>{_prose(meaning.means)}</dd>'
            for code, meaning in sorted(self._alone.items())
        )
        reasons = "".join(
            f"<dt><code>api.….{reason}</code></dt><dd>{_prose(f'{meaning.means} {meaning.remedy}')}</dd>"
            for reason, meaning in sorted(self._reasons.items())
        )
        ends = f"<h2>Of any operation</h2><dl>{reasons}</dl>" if self._operations else ""
        return f"<h1>Problems by their code</h1><dl>{alone}</dl>{ends}"


def _page(code: str, meaning: Meaning) -> str:
    match = _CODE.fullmatch(code)
    of = f"<p>Answered by the operation <code>{match[1]}</code>.</p>" if match and code not in API else ""
    return (
        f"<h1><code>{escape(code)}</code></h1><p>{_prose(meaning.means)}</p><h2>What to do</h2>"
        f'<p>{_prose(meaning.remedy)}</p>{of}<p><a href="{PATH}">All problems</a></p>'
    )


def _prose(text: str) -> str:
    """Return text as HTML; what stands between backticks is code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))


def _html(title: str, content: str) -> web.Response:
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style><body>{content}</body></html>"
    )
    return web.Response(text=text, content_type="text/html", headers=_HEADERS)
