"""Operations: bulk work that runs, how far it is, what it did, and holding it."""

from __future__ import annotations

from typing import Any

from ingest.api.framework.caller import Scope
from ingest.http.problems import ProblemError
from ingest.pages import words
from ingest.pages.links import next_of
from ingest.pages.page import Action, Context, Done, Page
from ingest.pages.visit import Visit

_SHOWN = 50
_RESULTS = ("done", "skipped", "failed")
_DOING = {"replay": "replayed", "discard": "discarded", "restore": "restored"}
_GONE = 409


async def show_list(visit: Visit) -> Context:
    """Return a page of operations, newest first."""
    answer = await visit.answer("operations.list", query={"after": visit.request.query.get("after"), "limit": _SHOWN})
    return {"operations": answer.body, "after": next_of(answer), "share_of": share_of, "doing": _DOING}


async def show_one(visit: Visit) -> Context:
    """Return an operation and a page of what it did."""
    operation = await visit.ask("operations.get", {"id": visit.id})
    result = visit.request.query.get("result")
    given = {"after": visit.request.query.get("after"), "result": result, "limit": _SHOWN}
    answer = await visit.answer("operation_items.list", {"id": visit.id}, given)
    feed = None
    if operation.feed_id:
        feed = await feed_name(visit, operation.feed_id)
    settled = operation.done + operation.skipped + operation.failed
    return {
        "title": f"Operation {operation.id}",
        "operation": operation,
        "share": share_of(operation),
        "left": max(0, operation.total - settled),
        "items": answer.body,
        "after": next_of(answer),
        "results": [("", "All"), *((name, name.capitalize()) for name in _RESULTS)],
        "feed": feed,
        "doing": _DOING[operation.kind],
    }


async def decide(visit: Visit) -> Done:
    """Pause, resume or cancel it."""
    verb = visit.request.match_info["verb"]
    body = None
    if verb == "resume" and visit.text("perSecond").isdecimal():
        body = {"perSecond": int(visit.text("perSecond"))}
    operation = await visit.change(f"operations.{verb}", {"id": visit.id}, body)
    said = {"pause": "It waits.", "resume": "It goes on.", "cancel": "Cancelled. What it did stays done."}
    return Done(to=here_of(operation), said=said[verb])


async def undo(visit: Visit) -> Done:
    """Take a discard back: end it if it still runs, then restore what it discarded."""
    operation = await visit.ask("operations.get", {"id": visit.id})
    if operation.kind != "discard":
        raise ProblemError(409, "pages.operations.undo", "only a discard can be taken back")
    if operation.ended_at is None:
        await visit.change("operations.cancel", {"id": visit.id})
    body = {"kind": "restore", "ofOperation": operation.id, "maxId": operation.max_id}
    try:
        restore = await visit.change("operations.create", body=body)
    except ProblemError as problem:
        if problem.status != _GONE:
            raise
        return Done(to=here_of(operation), said="Nothing that it discarded is left to restore.")
    return Done(to=here_of(restore), said="What was discarded is being restored.")


def began(operation: Any, back: str) -> Done:
    """Return the answer to an operation that was begun; a discard is taken back by a toast, where it was pressed."""
    count = words.counted(operation.total, "dead letter")
    said = f"{count} {'are' if operation.total != 1 else 'is'} being {_DOING[operation.kind]}."
    if operation.kind == "discard" and back.startswith("/dead-letters"):
        return Done(to=back, said=said, undo=f"{here_of(operation)}/undo")
    return Done(to=here_of(operation), said=said)


def here_of(operation: Any) -> str:
    """Return an operation's address."""
    return f"/operations/{operation.id}"


def share_of(operation: Any) -> float:
    """Return how much of it is settled, 0 to 1; one that finished has nothing left, whoever settled it."""
    if operation.status == "finished" or not operation.total:
        return 1.0
    return float(min(1.0, (operation.done + operation.skipped + operation.failed) / operation.total))


async def feed_name(visit: Visit, feed_id: int) -> str:
    """Return a feed's name."""
    try:
        name: str = (await visit.ask("inventory_feeds.get", {"id": feed_id})).name
    except ProblemError:
        return "a deleted feed"
    return name


_ONE = r"/operations/{id:\d+}"

ENTRIES = (
    Page(
        name="operations", path="/operations", title="Operations", section="operations", show=show_list, live=("list",)
    ),
    Page(
        name="operation",
        path=_ONE,
        title="Operation",
        section="operations",
        show=show_one,
        live=("progress", "did"),
    ),
    Action(path=f"{_ONE}/undo", act=undo, scope=Scope.WRITE),
    Action(path=f"{_ONE}/{{verb:pause|resume|cancel}}", act=decide, scope=Scope.WRITE),
)
