"""One run: where it is, what it read, what was rejected and how to mend it; when held, what approving would do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aiohttp import web

from ingest.api.framework.caller import Scope
from ingest.api.shared.previews.reading import groups_of
from ingest.feeds.runs import RunStatus
from ingest.http.problems import ProblemError
from ingest.pages import drafting, words
from ingest.pages.page import Action, Context, Done, Download, Page
from ingest.pages.visit import Visit

STAGES = ("fetching", "parsing", "publishing", "settling", "cleaning")
_ACTIVE = (RunStatus.QUEUED, RunStatus.FETCHING)
_READ = (RunStatus.SUCCEEDED, RunStatus.PARTIAL, RunStatus.HELD)
"""A run that ends so has read its file, if it was an empty one: its numbers are known."""
_TYPED_SHARE = 0.3
"""More than this share of the stored items to 0: the count must be typed."""
_KINDS = {
    "zeroed": "Missing, to 0",
    "emptied": "Falling to 0",
    "repriced": "Prices moved by half",
    "changed": "Changed",
    "created": "Created",
    "unchanged": "Unchanged",
}
"""What people call a kind of difference, the most harmful first."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One part of the stage bar: `state` is done, now, stopped or ""."""

    name: str
    state: str
    number: str


async def show(visit: Visit) -> Context:
    """Return a run with its rejects in groups, and the difference that it would make when it is held."""
    path = {"id": visit.id, "run": visit.number("run")}
    run = await visit.ask("runs.get", path)
    feed = await visit.ask("inventory_feeds.get", {"id": visit.id})
    rejects = await visit.ask("runs.rejects", path) if run.rows_rejected else []
    raw = [
        {"code": r.code, "field": r.field, "column": r.column, "message": r.message, "value": r.value, "index": r.row}
        for r in rejects
    ]
    earlier = await visit.ask("runs.list", {"id": visit.id}, {"limit": 10, "after": run.id})
    diff = await _diff(visit, path)
    return {
        "title": f"Run {run.id} of {feed.name}",
        "run": run,
        "feed": feed,
        "stages": stages_of(run),
        "groups": groups_of(raw, feed.decimal_notation),
        "kept_rejects": len(rejects),
        "before": next((one for one in earlier if one.rows_read and one.status in ("succeeded", "partial")), None),
        "active": run.status in _ACTIVE,
        "held": run.status is RunStatus.HELD,
        "diff": diff,
        "kinds": _KINDS,
        "minute": timedelta(minutes=1),
        "known": bool(run.rows_read) or run.status in _READ,
        "typed": bool(diff) and must_type(diff),
        "effect": effect_of(diff, run),
    }


async def approve(visit: Visit) -> Done:
    """Let a held run go on; a large loss of stock is typed."""
    path = {"id": visit.id, "run": visit.number("run")}
    diff = await _diff(visit, path)
    if diff and must_type(diff) and visit.text("typed") != str(diff.zeroed):
        detail = f"{words.number(diff.zeroed)} items would go to 0: type {diff.zeroed} to approve it"
        raise ProblemError(422, "pages.runs.typed", detail)
    await visit.change("runs.approve", path)
    return Done(to=_here(visit), said="Approved: the file is applied as it was held.")


async def cancel(visit: Visit) -> Done:
    """Cancel a run, or reject a held one."""
    await visit.change("runs.cancel", {"id": visit.id, "run": visit.number("run")})
    return Done(to=_here(visit), said="Cancelled. What was applied before stays.")


async def mend(visit: Visit) -> Done:
    """Begin a draft of the feed with the mend of one kind of reject: nothing is saved before it was looked at."""
    context = await show(visit)
    group = next((g for g in context["groups"] if g.mend and g.mend.label == visit.text("mend")), None)
    if group is None or group.mend is None:
        raise ProblemError(409, "pages.runs.mended", "these rejects are not there any more")
    preview = await visit.ask("previews.create", body={"feedId": visit.id})
    settings = dict(group.mend.settings)
    if group.mend.transform is not None:
        mapping = preview.settings.get("mapping", {})
        settings["mapping"] = drafting.with_transform(mapping, group.mend.attribute or "", group.mend.transform)
    await visit.ask("previews.update", {"id": preview.id}, body={"settings": settings})
    return Done(to=f"/drafts/{preview.id}", said=f"Tried on the file: {group.mend.label}. Save it when it is right.")


async def rejects_csv(visit: Visit) -> web.StreamResponse:
    """Return the rejects as a file."""
    answer: web.StreamResponse = await visit.answer("runs.rejects_csv", _path(visit))
    return answer


async def rejected_rows_csv(visit: Visit) -> web.StreamResponse:
    """Return the refused rows as the vendor wrote them, with what is wrong beside each."""
    answer: web.StreamResponse = await visit.answer("runs.rejected_rows_csv", _path(visit))
    return answer


async def diff_csv(visit: Visit) -> web.StreamResponse:
    """Return all that a held run would change as a file."""
    answer: web.StreamResponse = await visit.answer("runs.diff_csv", _path(visit))
    return answer


def stages_of(run: Any) -> list[Stage]:
    """Return the stage bar; a number that is not known yet is a dash."""
    numbers = {
        "fetching": words.size(run.bytes or None),
        "parsing": f"{words.number(run.rows_read or None)} rows",
        "publishing": words.counted(run.batches, "batch", "batches") if run.batches else f"{words.UNKNOWN} batches",
        "settling": f"{words.number(sum(run.counts.values()) or None)} outcomes",
        "cleaning": f"{words.number(run.missing)} missing",
    }
    ended = run.status not in _ACTIVE
    last = STAGES.index(run.stage) if run.stage in STAGES else (-1 if run.status is RunStatus.QUEUED else None)
    good = run.status in (RunStatus.SUCCEEDED, RunStatus.PARTIAL, RunStatus.NOT_MODIFIED)
    found = []
    for place, name in enumerate(STAGES):
        if ended:
            reached = _reached(run)
            state = "done" if good or place < reached else ("stopped" if place == reached else "")
        else:
            state = "" if last is None or place > last else ("now" if place == last else "done")
        found.append(Stage(name, state, numbers[name]))
    return found


def must_type(diff: Any) -> bool:
    """Return whether so much would go to 0 that approving it is typed."""
    stored = diff.changed + diff.unchanged + diff.missing
    return bool(stored) and diff.zeroed > _TYPED_SHARE * stored


def effect_of(diff: Any, run: Any) -> str:
    """Return what the button approves, with its count."""
    rows = f"these {words.number(run.rows_mapped)} rows"
    return f"{rows}, {words.number(diff.zeroed)} to 0" if diff and diff.zeroed else rows


def _reached(run: Any) -> int:
    """Return the stage at which a run that did not end well stopped."""
    if run.batches:
        return STAGES.index("publishing")
    return STAGES.index("parsing") if run.rows_read or run.status is RunStatus.HELD else STAGES.index("fetching")


async def _diff(visit: Visit, path: dict[str, int]) -> Any:
    if not visit.offers("runs.diff"):
        return None
    try:
        return await visit.ask("runs.diff", path)
    except ProblemError as problem:
        if problem.status != 404:  # noqa: PLR2004 - most runs have none
            raise
        return None


def _path(visit: Visit) -> dict[str, int]:
    return {"id": visit.id, "run": visit.number("run")}


def _here(visit: Visit) -> str:
    return f"/feeds/{visit.id}/runs/{visit.number('run')}"


_ONE = r"/feeds/{id:\d+}/runs/{run:\d+}"

ENTRIES = (
    Page(name="run", path=_ONE, title="Run", section="feeds", show=show, live=("state",)),
    Action(path=f"{_ONE}/approve", act=approve, scope=Scope.WRITE),
    Action(path=f"{_ONE}/cancel", act=cancel, scope=Scope.WRITE),
    Action(path=f"{_ONE}/mend", act=mend, scope=Scope.WRITE),
    Download(path=f"{_ONE}/rejects.csv", get=rejects_csv),
    Download(path=f"{_ONE}/rejected-rows.csv", get=rejected_rows_csv),
    Download(path=f"{_ONE}/diff.csv", get=diff_csv),
)
