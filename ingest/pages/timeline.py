"""A timeline's entries as people read them: filtered, as a chart of the quantity, as a file. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from ingest.api.framework.dispatch import plain
from ingest.pages.charts import Chart, steps

QUANTITY = "inventoryQuantity"
_VARIANT = "variantId"
_EMPTY = ("index", "runId", "changes", "code", "message", "supersededBy", "since", "times", "batchId")
_TIMES = ("receivedAt", "appliedAt", "since")
HEADER = ("received", "committed", "feed", "outcome", "times", "source", "receipt", "run", "row or item", "attribute",
          "old", "new", "code", "message")  # fmt: skip
Entry = dict[str, Any]


def entry_of(entry: Any, feed: str | None) -> Entry:
    """Return an entry with all its names, whatever the API left out."""
    known: Entry = {**dict.fromkeys(_EMPTY), **plain(entry), "feed": feed}
    for name in _TIMES:
        if isinstance(known.get(name), str):
            known[name] = datetime.fromisoformat(known[name])
    return known


def decision_of(decision: Mapping[str, Any], feed: str | None) -> Entry:
    """Return what a person decided as an entry: it was no message, so it has no receipt."""
    at, told = decision["at"], {"outcome": f"{decision['about']} settings", "source": decision["who"]}
    known: Entry = {**dict.fromkeys(_EMPTY), "feed": feed, "receivedAt": at, "appliedAt": at, "times": 1, **told}
    return entry_of({**known, "changes": decision["changes"]}, feed)


def naming(entries: Iterable[Entry], skus: Mapping[int, str]) -> list[Entry]:
    """Return entries that say which SKU an item was connected to, as far as it is known, instead of its number."""
    return [
        {**entry, "changes": {**changes, _VARIANT: {side: skus.get(value, value) for side, value in told.items()}}}
        if (changes := entry["changes"] or {}) and (told := changes.get(_VARIANT))
        else entry
        for entry in entries
    ]


def attributes_of(entries: Iterable[Entry]) -> list[str]:
    """Return the attributes that entries changed."""
    return sorted({name for entry in entries for name in entry["changes"] or ()})


def about(entries: Iterable[Entry], attribute: str) -> list[Entry]:
    """Return the entries that changed an attribute; all for ""."""
    return [entry for entry in entries if not attribute or attribute in (entry["changes"] or ())]


def quantity_chart(entries: Sequence[Entry], now: datetime, zone: str) -> Chart | None:
    """Return the quantity over time; None where no change of it is known."""
    told = sorted((e for e in entries if QUANTITY in (e["changes"] or ())), key=lambda entry: entry["appliedAt"])
    if not told:
        return None
    moments = [entry["appliedAt"] for entry in told] + [now]
    values = [_new(entry["changes"]) for entry in told]
    shown = [f"{moment.astimezone(ZoneInfo(zone)):%-d %b %H:%M}" for moment in moments]
    return steps("Quantity", moments, [*values, values[-1]], shown)


def rows_of(entries: Iterable[Entry]) -> list[tuple[Any, ...]]:
    """Return the rows of a file: one an attribute that changed, one for an entry that changed none."""
    return [row for entry in entries for row in _rows(entry)]


def _rows(entry: Entry) -> Iterable[tuple[Any, ...]]:
    head = (entry["receivedAt"].isoformat(), entry["appliedAt"].isoformat(), entry["feed"], entry["outcome"])
    told = (entry["times"], entry["source"], entry["batchId"], entry["runId"], entry["index"])
    why = (entry["code"], entry["message"])
    changes = entry["changes"] or {"": {}}
    return [(*head, *told, name, values.get("old"), values.get("new"), *why) for name, values in changes.items()]


def _new(changes: Mapping[str, Any]) -> float | None:
    value: float | None = changes[QUANTITY].get("new")
    return value
