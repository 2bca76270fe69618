"""Receipts: the last batches, and what became of each item of one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from aiohttp import web

from ingest.http.problems import ProblemError
from ingest.pages import layout
from ingest.pages.links import next_of
from ingest.pages.page import Context, Download, Page
from ingest.pages.times import moment_of
from ingest.pages.visit import Visit
from schemas.outcomes import Outcome

_SHOWN, _PAGE, _HOURS = 250, 50, 6
_HARM = tuple(reversed(Outcome))
"""The worst outcomes first."""


async def show_list(visit: Visit) -> Context:
    """Return a page of receipts, newest first."""
    given = {name: visit.request.query.get(name) for name in ("after", "feed", "outcome", "from", "to")}
    problem, batches, after = None, [], None
    looks_back = bool(given["outcome"]) and not given["from"]
    try:
        asked = {"after": given["after"], "feed_id": given["feed"], "outcome": given["outcome"], "limit": _PAGE}
        answer = await visit.answer(
            "batches.list",
            query={
                **asked,
                "received_from": moment_of(visit, "from") or (lately() if looks_back else None),
                "received_to": moment_of(visit, "to"),
            },
        )
        batches, after = answer.body, next_of(answer)
    except ProblemError as error:
        if error.status != 400:  # noqa: PLR2004 - what was typed
            raise
        problem = layout.sentence(error.detail)
    feeds = await visit.ask("inventory_feeds.list", query={"limit": _SHOWN})
    return {
        "batches": batches,
        "after": after,
        "names": {feed.id: feed.name for feed in feeds},
        "feeds": [("", "all feeds"), *((feed.id, feed.name) for feed in feeds)],
        "outcomes": [("", "any outcome"), *((outcome.value, f"with {outcome.value}") for outcome in Outcome)],
        "given": {name: value or "" for name, value in given.items()},
        "problem": problem,
        "looks_back": looks_back,
    }


def lately() -> str:
    """Return since when receipts are searched that have an outcome, when nobody said: no index finds them."""
    return (datetime.now(UTC) - timedelta(hours=_HOURS)).isoformat()


async def show(visit: Visit) -> Context:
    """Return a receipt, and the feed that it is of."""
    receipt = await visit.ask("batches.get", _path(visit))
    feed = await visit.ask("inventory_feeds.get", {"id": receipt.feed_id})
    items = sorted(receipt.items, key=lambda item: (_HARM.index(item.outcome), item.index))
    return {"receipt": receipt, "feed": feed, "items": items[:_SHOWN], "title": "Receipt"}


async def rejects_csv(visit: Visit) -> web.StreamResponse:
    """Return the rejects as a file."""
    answer: web.StreamResponse = await visit.answer("batches.rejects_csv", _path(visit))
    return answer


def _path(visit: Visit) -> dict[str, Any]:
    return {"batch": UUID(visit.request.match_info["batch"])}


_ONE = r"/receipts/{batch:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}}"

ENTRIES = (
    Page(name="receipts", path="/receipts", title="Receipts", section="receipts", show=show_list),
    Page(name="receipt", path=_ONE, title="Receipt", section="receipts", show=show, live=("state",)),
    Download(path=f"{_ONE}/rejects.csv", get=rejects_csv),
)
