"""What the guard holds: a file that is not certainly whole, or that would take away more than a feed allows.

Rules as functions of what is known before anything of the file is published. A doubtful row is a reject; a doubtful
file is a held run, which changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

BASELINE_DAYS = 30
"""A file is compared with the largest of so many days: else a feed could lose nearly its share every time."""
_MANY_REJECTS = 20
"""So many rejected rows make the first file of a feed suspect; a handful is what first files are like."""
_MANY_ITEMS = 10
"""So many items that have a quantity are hardly sold out at the same time."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What is known of a fetched and parsed file.

    `declared_bytes` is the length that the server stated, None when it stated none; `complete` is the parser's view:
    the end tag or closing bracket was there, no quote was left open, the encoding could be told. `doubt` says why
    nothing proves that all of it came; `final_newline` is None for formats that end otherwise; `lacking` says why no
    item has what the mapping promises; `layout` is what stands at the positions that are mapped, None for none.
    """

    bytes: int
    rows_read: int
    rows_mapped: int
    declared_bytes: int | None = None
    complete: bool = True
    incomplete_reason: str | None = None
    incomplete_code: str = "truncated"
    doubt: str | None = None
    final_newline: bool | None = None
    lacking: str | None = None
    layout: str | None = None

    @property
    def rows_rejected(self) -> int:
        """Return how many rows could not be used."""
        return self.rows_read - self.rows_mapped


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a feed's file is compared with: the most rows of its applied files since `at`, and the layout of the last;
    None: there was none yet.
    """

    rows: int | None = None
    mapped: int | None = None
    final_newline: bool | None = None
    at: datetime | None = None
    layout: str | None = None


@dataclass(frozen=True, slots=True)
class Stock:
    """A file against what is stored: items with a quantity, and how many of them the file does not have."""

    stored: int
    gone: int


@dataclass(frozen=True, slots=True)
class Held:
    """Why the guard holds a run; `code` is one of those in docs/pull.md, The guard."""

    code: str
    reason: str


def guard(facts: FileFacts, before: Baseline, share: float, *, cleans_up: bool) -> Held | None:
    """Return why this file must not be applied without a person's word; None when it may be.

    `share` (0 to 1) is the feed's `fetchMissingGuard`. With `cleans_up` there is something that would get quantity 0
    for being missing, so that a file is wanted of which it is certain that it is whole.
    """
    held = _not_whole(facts, before, cleans_up=cleans_up)
    if held is None and None not in (facts.layout, before.layout) and facts.layout != before.layout:
        held = Held("columns", f"the columns mapped by position were {before.layout}, and are {facts.layout}")
    if held is None and before.rows and fell_by_more(facts.rows_read, before.rows, share):
        fall = f"{100 * (before.rows - facts.rows_read) / before.rows:.0f} % fewer than the {before.rows}"
        held = Held("fewer_rows", f"{facts.rows_read} rows, {fall} of {_since(before)} (allowed: {100 * share:g} %)")
    return held or _unusable(facts, before, share)


def _not_whole(facts: FileFacts, before: Baseline, *, cleans_up: bool) -> Held | None:
    if facts.declared_bytes is not None and facts.bytes < facts.declared_bytes:
        return Held("short", f"{facts.bytes} bytes came of {facts.declared_bytes} that the server declared")
    if not facts.complete:
        return Held(facts.incomplete_code, facts.incomplete_reason or "the file ends in the middle")
    if facts.final_newline is False and before.final_newline:
        return Held("truncated", "the last line has no end, as it had before")
    if cleans_up and facts.doubt is not None:
        return Held("unproven", facts.doubt)
    return Held("empty", "the file holds no rows") if facts.rows_read == 0 else None


def _unusable(facts: FileFacts, before: Baseline, share: float) -> Held | None:
    """Hold a file most of whose rows are rejected, unless the feed's files are always like that."""
    if facts.rows_mapped == 0:
        return Held("unusable", f"none of the {facts.rows_read} rows could be used")
    if facts.lacking is not None:
        return Held("unusable", facts.lacking)
    if 2 * facts.rows_rejected <= facts.rows_read:
        return None
    said = f"{facts.rows_rejected} of the {facts.rows_read} rows could not be used"
    if before.mapped is None:
        return Held("unusable", said) if facts.rows_rejected >= _MANY_REJECTS else None
    if fell_by_more(facts.rows_mapped, before.mapped, share):
        return Held("unusable", f"{said}; {before.mapped} rows could in {_since(before)}")
    return None


def guard_stock(stock: Stock, share: float) -> Held | None:
    """Return why a file must not be applied because of the stored items that it lacks; None when it may be.

    One item may always go, however few there are, but for the last one.
    """
    allowed = max(stock.stored * share, 1.0 if stock.gone < stock.stored else 0.0)
    if stock.gone <= allowed + 1e-9:
        return None
    return Held(
        "missing_items",
        f"{stock.gone} of the {stock.stored} stored items with a quantity are not in the file"
        f" (allowed: {100 * share:g} %)",
    )


def guard_zeros(stock: Stock) -> Held | None:
    """Return why a file in which all quantities are 0 must not be applied: systems that are out of order write such.

    A few items may well be sold out all at once.
    """
    if stock.stored < _MANY_ITEMS:
        return None
    return Held("all_zero", f"all quantities in the file are 0, and {stock.stored} stored items have one")


def fell_by_more(count: int, last: int, share: float) -> bool:
    """Return whether `count` is below `last` by more than the share."""
    return last - count > last * share + 1e-9


def next_baseline(before: Baseline, applied: Baseline, *, approved: bool) -> Baseline:
    """Return what the next file is compared with, after one was applied (`at`: when).

    The highest counts of some time stay, so that many small losses add up; a person's approval starts afresh.
    """
    assert applied.at is not None, "applied at some time"
    if approved or before.at is None or applied.at - before.at > timedelta(days=BASELINE_DAYS):
        return applied
    rows, mapped = max(before.rows or 0, applied.rows or 0), max(before.mapped or 0, applied.mapped or 0)
    since = applied.at if rows == applied.rows else before.at
    return Baseline(rows, mapped, applied.final_newline, since, applied.layout)


def _since(before: Baseline) -> str:
    return "the last run" if before.at is None else f"the run of {before.at:%Y-%m-%d}"
