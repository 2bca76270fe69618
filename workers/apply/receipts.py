"""The receipt of a batch: how many items ended how, and each one that is worth a line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from schemas.outcomes import Outcome
from workers.apply.work import Work

_SIMPLE = (Outcome.CREATED, Outcome.UPDATED)
_ALL = tuple((outcome, outcome.value) for outcome in Outcome)
_REJECTED = Outcome.REJECTED.value


def counts_of(work: Work) -> dict[str, int]:
    """Return outcome → number of items, those included that the edge refused; only outcomes that occur."""
    outcomes = work.outcomes
    counts = {name: number for outcome, name in _ALL if (number := outcomes.count(outcome))}
    if refused := len({reject["index"] for reject in work.batch.rejected}):
        counts[_REJECTED] = counts.get(_REJECTED, 0) + refused
    return counts


def noteworthy(work: Work) -> list[dict[str, Any]]:
    """Return the items that are not simply created or updated, by their index in the post."""
    if work.notes or work.batch.rejected or work.batch.warnings:
        return [line for line in every_item(work) if line["outcome"] not in _SIMPLE or len(line) > 3]  # noqa: PLR2004
    return list(_lines(work, skip=_SIMPLE))


def every_item(work: Work) -> list[dict[str, Any]]:
    """Return all items of the post with their outcomes and reasons, by their index."""
    lines = list(_lines(work, skip=()))
    if work.batch.warnings:
        warned: dict[int, list[dict[str, Any]]] = {}
        for warning in work.batch.warnings:
            warned.setdefault(warning["index"], []).append(_without_place(warning))
        lines = [
            line | {"warnings": warned[line["index"]] + line.get("warnings", [])} if line["index"] in warned else line
            for line in lines
        ]
    if work.batch.rejected:
        lines += [{**reject, "outcome": _REJECTED} for reject in work.batch.rejected]
        lines.sort(key=lambda line: line["index"] if isinstance(line["index"], int) else -1)
    return lines


def encode(work: Work) -> tuple[dict[str, int], bytes]:
    """Return a receipt's `counts`, and its `items` as stored."""
    return counts_of(work), orjson.dumps(noteworthy(work))


def _lines(work: Work, skip: tuple[Outcome, ...]) -> Iterator[dict[str, Any]]:
    batch, notes = work.batch, work.notes
    indexes = batch.indexes or range(len(batch.items))
    for slot, (index, item, outcome) in enumerate(zip(indexes, batch.items, work.outcomes, strict=True)):
        if outcome in skip:
            continue
        line = {"index": index, "externalId": item["externalId"], "outcome": outcome}
        yield line | notes[slot] if slot in notes else line


def _without_place(warning: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in warning.items() if name not in ("index", "externalId")}
