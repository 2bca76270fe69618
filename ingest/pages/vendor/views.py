"""What a vendor sees of its feed: its last runs or posts, its rejects, its items as stored, and a try of a file.

Nothing of the account stands here: no limit, no credentials, no other feeds, no variants. What waits for the limit is
"taken"; the API's operations are asked as by a token that is bound to the feed and reads.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from aiohttp import web

from ingest.api.framework.downloads import csv_file
from ingest.pages.links import next_of
from ingest.pages.vendor import trying
from ingest.pages.vendor.rejects import in_vendors_words, refusal
from ingest.pages.vendor.visitors import Visitor
from ingest.pages.visit import Visit

_SHOWN = 50
_TAKEN = ("created", "updated", "unchanged", "superseded", "deferred")
_FILE_WORDS = {
    "queued": "waits to be read",
    "fetching": "is being read",
    "not modified": "was the same as before",
    "succeeded": "was read",
    "partial": "was read, some rows were refused",
    "failed": "could not be read",
    "held": "is looked at by a person first",
    "cancelled": "was not applied",
}
Result = dict[str, Any] | web.StreamResponse


@dataclass(frozen=True, slots=True)
class View:
    """One page of a vendor's, or one form that it posts."""

    path: str
    template: str
    view: Callable[[Visit, Visitor], Awaitable[Result]]
    posts: bool = False


async def last(visit: Visit, visitor: Visitor) -> Result:
    """Return the last files, or the last posts."""
    given = {"limit": _SHOWN, "after": visit.request.query.get("after")}
    if visitor.pulled:
        answer = await visit.answer("runs.list", {"id": visitor.feed_id}, given)
        lines = [_file(run) for run in answer.body]
    else:
        answer = await visit.answer("batches.list", query={**given, "feed_id": visitor.feed_id})
        lines = [_post(batch) for batch in answer.body]
    return {"title": visitor.feed_name, "lines": lines, "after": next_of(answer)}


async def run(visit: Visit, visitor: Visitor) -> dict[str, Any]:
    """Return the refused rows of one file."""
    path = {"id": visitor.feed_id, "run": visit.number("run")}
    line = _file(await visit.ask("runs.get", path))
    rejects = [refusal(one, one.row) for one in await visit.ask("runs.rejects", path)]
    return {"title": "A file", "line": line, "rejects": rejects}


async def rejected_rows(visit: Visit, visitor: Visitor) -> Result:
    """Return the refused rows of one file as they stand in it, with what is wrong beside each."""
    answer: Result = await visit.answer("runs.rejected_rows_csv", {"id": visitor.feed_id, "run": visit.number("run")})
    return answer


async def post(visit: Visit, _: Visitor) -> dict[str, Any]:
    """Return the refused items of one post."""
    receipt = await visit.ask("batches.get", {"batch": UUID(visit.request.match_info["batch"])})
    refused = [one for one in receipt.items if one.outcome in ("rejected", "dead")]
    rejects = [refusal(one, one.index) for one in refused]
    return {"title": "A post", "line": _post(receipt), "rejects": rejects}


def as_csv(
    view: Callable[[Visit, Visitor], Awaitable[dict[str, Any]]],
) -> Callable[[Visit, Visitor], Awaitable[Result]]:
    """Return the view that answers the same rejects as a file."""

    async def download(visit: Visit, visitor: Visitor) -> Result:
        shown = await view(visit, visitor)
        rows = [[one[name] for name in ("row", "key", "column", "value", "message")] for one in shown["rejects"]]
        return csv_file("refused.csv", ("row", "item", "column", "value", "reason"), rows)

    return download


async def items(visit: Visit, visitor: Visitor) -> Result:
    """Return a page of the vendor's items as they are stored, or the one that is looked for."""
    wanted = visit.request.query.get("q", "").strip()[:255]
    given = {"inventory_feed_id": visitor.feed_id, "limit": _SHOWN, "after": visit.request.query.get("after")}
    found, after = [], None
    for name in ("external_id", "vendor_sku") if wanted else ("",):
        answer = await visit.answer("inventory_feed_variants.list", query={**given, name: wanted} if name else given)
        found, after = answer.body, next_of(answer)
        if found:
            break
    return {"title": "Your items", "items": found, "after": after, "wanted": wanted}


def _file(run: Any) -> dict[str, Any]:
    status = str(run.status)
    return {
        "at": run.started_at or run.queued_at,
        "words": _FILE_WORDS.get(status, status),
        "tone": {"succeeded": "good", "partial": "warn", "failed": "bad", "held": "warn"}.get(status, "idle"),
        "why": in_vendors_words(run.error) if run.error and status in ("failed", "held") else None,
        "rows": run.rows_read or None,
        "refused": run.rows_rejected,
        "href": f"files/{run.id}",
    }


def _post(batch: Any) -> dict[str, Any]:
    refused = sum(batch.counts.get(name, 0) for name in ("rejected", "dead"))
    taken = sum(batch.counts.get(name, 0) for name in _TAKEN)
    pending = batch.status != "done"
    return {
        "at": batch.received_at,
        "words": "waits in the queue" if pending else "was taken, some items were refused" if refused else "was taken",
        "tone": "info" if pending else "warn" if refused else "good",
        "why": None,
        "rows": taken + refused or None,
        "refused": refused,
        "href": f"posts/{batch.batch_id}",
    }


_HERE = r"/s/{link:\d+}"
_RUN = _HERE + r"/files/{run:\d+}"
_POST = _HERE + r"/posts/{batch:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}}"

ENTRIES = (
    View(_HERE, "vendor_last", last),
    View(_RUN, "vendor_rejects", run),
    View(f"{_RUN}/rejects.csv", "", as_csv(run)),
    View(f"{_RUN}/rejected-rows.csv", "", rejected_rows),
    View(_POST, "vendor_rejects", post),
    View(f"{_POST}/rejects.csv", "", as_csv(post)),
    View(f"{_HERE}/items", "vendor_items", items),
    View(f"{_HERE}/test", "vendor_test", trying.ask),
    View(f"{_HERE}/test", "vendor_test", trying.test, posts=True),
)
