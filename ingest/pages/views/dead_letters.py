"""Dead letters by cause: what could not be applied, why; counting, confirming and beginning what becomes of a cause."""

from __future__ import annotations

from typing import Any

import orjson

from ingest.api.framework.caller import Scope
from ingest.api.resources.dead_letter_groups import MOST_GROUPS
from ingest.http.problems import ProblemError
from ingest.pages import layout
from ingest.pages.links import next_of
from ingest.pages.page import Action, Again, Context, Done, Page
from ingest.pages.views.operations import began, here_of
from ingest.pages.visit import Visit

MOST_UNTYPED = 1_000
"""More than this are typed."""
_SHOWN = 50
_WHICH = ("code", "feedId", "cause")
_STATUSES = (("", "Waiting"), ("discarded", "Discarded"), ("replayed", "Replayed"))
_FIRST = [("", "all of them at once"), ("1", "1 first, then pause"), ("10", "10 first, then pause")]
_RATES = [("", "as fast as it goes"), ("100", "100 a second"), ("10", "10 a second"), ("1", "1 a second")]


async def show(visit: Visit) -> Context:
    """Return the causes."""
    status = visit.request.query.get("status")
    groups = await visit.ask("dead_letter_groups.list", query={"status": status})
    settled = [] if groups or status else await _settled(visit)
    running = await visit.ask("operations.list", query={"open": True, "limit": 10})
    return {
        "groups": groups,
        "last_at": max((group.last_at for group in settled), default=None),
        "status": status or "",
        "statuses": _STATUSES,
        "most": MOST_UNTYPED,
        "more": len(groups) == MOST_GROUPS,
        "running": running,
        "here_of": here_of,
    }


async def _settled(visit: Visit) -> list[Any]:
    """Return the causes of what was replayed or discarded: they tell since when nothing died."""
    return [
        group
        for status in ("replayed", "discarded")
        for group in await visit.ask("dead_letter_groups.list", query={"status": status})
    ]


async def show_letters(visit: Visit) -> Context:
    """Return the dead letters of a cause, one by one."""
    given = {name: visit.request.query.get(name) for name in (*_WHICH, "status", "after")}
    answer = await visit.answer("dead_letters.list", query={"status": "dead", **_said(given), "limit": _SHOWN})
    return {"letters": answer.body, "after": next_of(answer)}


async def show_letter(visit: Visit) -> Context:
    """Return one with its message."""
    letter = await visit.ask("dead_letters.get", {"id": visit.id})
    feed, title = await _feed_of(visit, letter), f"Dead letter {letter.id}"
    return {"letter": letter, "feed": feed, "title": title, "item": _item_of(letter), "problem": None}


def _item_of(letter: Any) -> str | None:
    """Return the item of a dead letter as it may be edited; None when it cannot be."""
    told = letter.payload if isinstance(letter.payload, dict) else {}
    items = told.get("items") or []
    if letter.status != "dead" or told.get("operation") != "upsert" or len(items) != 1:
        return None
    return orjson.dumps(items[0], option=orjson.OPT_INDENT_2).decode()


async def _feed_of(visit: Visit, letter: Any) -> Any:
    """Return the feed of a dead letter; None when it has none, or it was deleted since."""
    if letter.feed_id is None:
        return None
    try:
        return await visit.ask("inventory_feeds.get", {"id": letter.feed_id})
    except ProblemError as problem:
        if problem.status != 404:  # noqa: PLR2004 - it is deleted
            raise
        return None


async def confirm(visit: Visit) -> Context:
    """Count what is meant, freeze it, and ask."""
    query = visit.request.query
    kind = query.get("kind", "replay")
    meant = _meant({name: query.get(name, "") for name in (*_WHICH, "overtaken")})
    counted = await visit.ask("operations.count", body={"kind": kind, **meant})
    sample = await visit.ask("dead_letters.list", query={**_filter(meant), "status": _from(kind), "limit": 1})
    return {
        "kind": kind,
        "meant": meant,
        "counted": counted,
        "sample": sample[0] if sample else None,
        "typed": counted.total > MOST_UNTYPED,
        "firsts": _FIRST,
        "rates": _RATES,
        "title": f"{kind.capitalize()} dead letters",
    }


async def begin(visit: Visit) -> Done:
    """Begin an operation on what was counted; a discard is told by a toast that takes it back."""
    kind, total = visit.text("kind"), visit.text("total")
    if not (total.isascii() and total.isdecimal() and int(total) <= MOST_UNTYPED) and visit.text("typed") != total:
        raise ProblemError(422, "pages.dead_letters.typed", f"type the count, {total}, to {kind} so many")
    body: dict[str, Any] = {"kind": kind, **_meant({name: visit.text(name) for name in (*_WHICH, "overtaken")})}
    body |= {name: int(visit.text(name)) for name in ("maxId", "first", "perSecond") if visit.text(name).isdecimal()}
    if visit.text("newer"):
        body["newer"] = visit.text("newer")
    operation = await visit.change("operations.create", body=body)
    return began(operation, visit.text("back"))


async def one(visit: Visit) -> Done:
    """Replay, discard or restore a single one."""
    verb = visit.request.match_info["verb"]
    await visit.change(f"dead_letters.{verb}", {"id": visit.id})
    here = f"/dead-letters/{visit.id}"
    said = {"replay": "Replayed: its receipt tells what became of it.", "discard": "Discarded.", "restore": "Restored."}
    if verb == "discard":
        return Done(to=here, said=said[verb], undo=f"{here}/restore")
    return Done(to=here, said=said[verb])


async def edit(visit: Visit) -> Done | Again:
    """Replay a single one as it was edited, and lead to its receipt."""
    text = visit.text("item")
    try:
        replayed = await visit.change("edited_replays.create", {"id": visit.id}, {"item": orjson.loads(text)})
    except orjson.JSONDecodeError as error:
        problem = f"this is not JSON: {error}"
    except ProblemError as refused:
        if refused.status != 422:  # noqa: PLR2004 - what was typed cannot be an item
            raise
        problem = layout.sentence(refused.detail)
    else:
        return Done(to=f"/receipts/{replayed.batch_id}", said="Replayed as edited: this is what becomes of it.")
    return Again(page=LETTER, context={**await show_letter(visit), "item": text, "problem": problem})


async def note(visit: Visit) -> Done:
    """Keep what somebody found out about a cause."""
    meant = _meant({name: visit.text(name) for name in _WHICH})
    await visit.change("dead_letter_groups.note", body={**meant, "note": visit.text("note")})
    return Done(to=visit.text("back") or "/dead-letters", said="Noted." if visit.text("note") else "The note is gone.")


def _said(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value}


def _from(kind: str) -> str:
    return "discarded" if kind == "restore" else "dead"


def _meant(given: dict[str, str]) -> dict[str, Any]:
    """Return the attributes of an operation that say which dead letters are meant."""
    meant: dict[str, Any] = _said({name: given.get(name) for name in ("code", "cause")})
    if (number := given.get("feedId") or "").isascii() and number.isdecimal():
        meant["feedId"] = int(number)
    if given.get("overtaken"):
        meant["overtaken"] = True
    return meant or {"all": True}


def _filter(meant: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in meant.items() if name in _WHICH}


_ONE = r"/dead-letters/{id:\d+}"
LETTER = Page(name="dead_letter", path=_ONE, title="Dead letter", section="dead", show=show_letter)

ENTRIES = (
    Page(
        name="dead_letters",
        path="/dead-letters",
        title="Dead letters",
        section="dead",
        show=show,
        live=("running", "causes"),
    ),
    Page(
        name="dead_letters_confirm",
        path="/dead-letters/confirm",
        title="Dead letters",
        section="dead",
        show=confirm,
        scope=Scope.WRITE,
    ),
    Page(
        name="dead_letters_list",
        path="/dead-letters/list",
        title="Dead letters of a cause",
        section="dead",
        show=show_letters,
    ),
    LETTER,
    Action(path="/dead-letters/begin", act=begin),
    Action(path="/dead-letters/note", act=note),
    Action(path=f"{_ONE}/edit", act=edit),
    Action(path=f"{_ONE}/{{verb:replay|discard|restore}}", act=one),
)
