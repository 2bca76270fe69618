"""Dead letters by cause: what could not be applied, why, and replaying or discarding a cause at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ingest.api.framework.caller import Scope
from ingest.http.problems import ProblemError
from ingest.pages import words
from ingest.pages.page import Action, Context, Done, Page
from ingest.pages.visit import Visit

_LOOKED_AT = 250


@dataclass(slots=True)
class Cause:
    """Dead letters of one code and feed: how many of those looked at, from when to when, and one of them."""

    code: str
    feed_id: int | None
    reason: str
    first: datetime
    last: datetime
    ids: list[int] = field(default_factory=list)
    samples: list[str] = field(default_factory=list)


async def show(visit: Visit) -> Context:
    """Return the oldest dead letters in groups by cause."""
    answer = await visit.answer("dead_letters.list", query={"status": "dead", "limit": _LOOKED_AT})
    causes = causes_of(answer.body)
    feeds = {}
    for number in {cause.feed_id for cause in causes if cause.feed_id is not None}:
        feeds[number] = await _name(visit, number)
    return {"causes": causes, "feeds": feeds, "looked_at": _LOOKED_AT, "more": "Link" in answer.headers}


async def settle(visit: Visit) -> Done:
    """Replay or discard the dead letters of one cause that were shown: newcomers are not swept along."""
    verb = "discard" if visit.text("do") == "discard" else "replay"
    ids = [int(number) for number in visit.text("ids").split(",") if number.isascii() and number.isdecimal()]
    if not ids:
        raise ProblemError(422, "pages.dead_letters.none", "nothing was chosen")
    settled = await visit.change(f"dead_letters.{verb}_many", body={"ids": ids[:_LOOKED_AT]})
    did = words.counted(len(settled.settled), "dead letter")
    left = f" {len(settled.unreadable)} cannot be read: discard them." if settled.unreadable else ""
    return Done(to="/dead-letters", said=f"{did} {'discarded' if verb == 'discard' else 'replayed'}.{left}")


def causes_of(letters: list[Any]) -> list[Cause]:
    """Return dead letters in groups by code and feed, the largest first."""
    found: dict[tuple[str, int | None], Cause] = {}
    for letter in letters:
        key = letter.code, letter.feed_id
        cause = found.setdefault(key, Cause(*key, letter.reason, letter.dead_at, letter.dead_at))
        cause.ids.append(letter.id)
        cause.last = max(cause.last, letter.dead_at)
        if letter.external_id and len(cause.samples) < 3:  # noqa: PLR2004 - three examples
            cause.samples.append(letter.external_id)
    return sorted(found.values(), key=lambda cause: -len(cause.ids))


async def _name(visit: Visit, feed_id: int) -> str:
    try:
        name: str = (await visit.ask("inventory_feeds.get", {"id": feed_id})).name
    except ProblemError:
        return "a deleted feed"
    return name


ENTRIES = (
    Page(
        name="dead_letters",
        path="/dead-letters",
        title="Dead letters",
        section="dead",
        show=show,
        live=("causes",),
    ),
    Action(path="/dead-letters/settle", act=settle, scope=Scope.WRITE),
)
