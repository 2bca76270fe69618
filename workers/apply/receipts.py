"""The receipt of a batch: how many items ended how, and each one that is worth a line."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import compress
from typing import Any

from schemas import receipts
from schemas.outcomes import Outcome
from schemas.tables import external_ids
from workers.apply.work import Work

_SIMPLE = (Outcome.CREATED, Outcome.UPDATED)
_UNCHANGED = Outcome.UNCHANGED
_ALL = tuple(Outcome)
_PLAINLY = {outcome.value for outcome in (*_SIMPLE, _UNCHANGED)}
_ALL_UNCHANGED = _UNCHANGED.value
_PLAIN = 3
"""Attributes of a line about which there is no more to say."""
_REJECTED = Outcome.REJECTED.value


def counts_of(work: Work) -> dict[str, int]:
    """Return outcome → number of items, those included that the edge refused; only outcomes that occur."""
    outcomes = work.outcomes
    if outcomes and outcomes.count(outcomes[0]) == len(outcomes):
        counts = {outcomes[0].value: len(outcomes)}
    else:
        counts = {outcome.value: number for outcome in _ALL if (number := outcomes.count(outcome))}
    if work.batch.rejected:
        counts[_REJECTED] = counts.get(_REJECTED, 0) + len({reject["index"] for reject in work.batch.rejected})
    return counts


def encode(work: Work) -> tuple[dict[str, int], bytes]:
    """Return a receipt's `counts`, and its `items` as stored: those that are not simply created or updated."""
    batch, outcomes, counts = work.batch, work.outcomes, counts_of(work)
    if work.notes or batch.rejected or batch.warnings:
        told = [line for line in every_item(work) if line["outcome"] not in _SIMPLE or len(line) > _PLAIN]
        plain = [line for line in told if line["outcome"] is _UNCHANGED and len(line) == _PLAIN]
        lines = [line for line in told if line["outcome"] is not _UNCHANGED or len(line) > _PLAIN]
        unchanged, ids = [line["index"] for line in plain], [line["externalId"] for line in plain]
    elif counts.get(_ALL_UNCHANGED) == len(outcomes):
        lines, unchanged, ids = [], list(batch.indexes or range(len(outcomes))), list(external_ids(batch.items))
    else:
        flags = [outcome is _UNCHANGED for outcome in outcomes]
        unchanged = list(compress(batch.indexes or range(len(outcomes)), flags))
        ids = list(compress(external_ids(batch.items), flags))
        lines = [] if _PLAINLY.issuperset(counts) else list(_lines(work, skip=(*_SIMPLE, _UNCHANGED)))
    return counts, receipts.encode(lines, unchanged, ids)


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
        lines.sort(key=receipts.place)
    return lines


def _lines(work: Work, skip: tuple[Outcome, ...]) -> Iterator[dict[str, Any]]:
    batch, notes = work.batch, work.notes
    ids = external_ids(batch.items)
    indexes = batch.indexes or range(len(ids))
    for slot, (index, external_id, outcome) in enumerate(zip(indexes, ids, work.outcomes, strict=True)):
        if outcome in skip:
            continue
        line = {"index": index, "externalId": external_id, "outcome": outcome}
        yield line | notes[slot] if slot in notes else line


def _without_place(warning: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in warning.items() if name not in ("index", "externalId")}
