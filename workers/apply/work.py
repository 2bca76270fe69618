"""What a window works on: its batches, the feeds they are of, and one entry a feed variant they name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from schemas.batches import Batch
from schemas.outcomes import Outcome
from workers.apply.purse import Purse

UNCHANGED = Outcome.UNCHANGED


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed's rules and its account's limit, as they were when the window's transaction began."""

    id: int
    account_id: int
    daily_sku_limit: int | None
    time_zone: ZoneInfo
    rejects_over_limit: bool = False
    connects: bool = False
    connects_by_barcode: bool = False
    ignores_sku_case: bool = False
    has_deferred: bool = False
    keeps_changes: bool = False
    events: frozenset[str] = frozenset()
    has_dead: bool = False
    keeps_events: bool = False
    exists: bool = True

    @classmethod
    def gone(cls, feed_id: int, account_id: int) -> Feed:
        """Return the stand-in for a feed that was deleted, alone or with its account."""
        return cls(feed_id, account_id, None, ZoneInfo("UTC"), exists=False)


@dataclass(slots=True)
class Work:
    """A claimed batch on its way: one outcome an item (`unchanged` until something says otherwise).

    `day` is the account day that the batch is charged to (`ordinal`: its number), `purse` what that day has room
    for. `notes[slot]` says why an item ended as it did. `place` is the batch's in the window, which
    is `told` if any of its accounts keeps events, `changed` are the entries that were written, if the account keeps
    changes (`workers.apply.changes`).
    """

    batch: Batch
    feed: Feed
    day: date
    ordinal: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    notes: dict[int, dict[str, Any]] = field(default_factory=dict)
    purse: Purse | None = None
    place: int = 0
    told: bool = False
    changed: list[Entry] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ordinal = self.day.toordinal()
        self.outcomes = [UNCHANGED] * len(self.batch.items)

    def reject(self, slot: int, code: str, message: str) -> None:
        """End an item as `rejected`."""
        self.outcomes[slot] = Outcome.REJECTED
        self.notes[slot] = {"code": code, "message": message}

    def warn(self, slot: int, warning: dict[str, Any]) -> None:
        """Add a warning to the receipt's line of an item."""
        self.notes.setdefault(slot, {}).setdefault("warnings", []).append(warning)


class Entry:
    """All that a window asks of one feed variant.

    `work` and `slot` are the last batch that names it and the place in it, which carry the outcome; `place` orders
    entries by where the window first names them. `item` is the merged item, with what `was_deferred` for it underneath.
    The rest is filled in by the compare: `row` as read (None: the feed variant is new), its `changes` by hot attribute,
    `details` as they will be stored (None: as they are), the hashes and the charge mark to write; then the variant it
    connects to, and by the insert its `id`. A window makes thousands of these and most stay as they begin, so what is
    not set yet is read from the class.
    """

    was_deferred: bool = False
    item_hash: int = 0
    row: Any = None
    changes: Mapping[str, Any] = {}
    details: dict[str, Any] | None = None
    details_hash: int = 0
    charged: int = 0
    id: int = 0
    variant_id: int | None = None

    def __init__(self, work: Work, slot: int, external_id: str, item: dict[str, Any], place: int = 0) -> None:
        self.work = work
        self.slot = slot
        self.external_id = external_id
        self.item = item
        self.place = place

    def end(self, outcome: Outcome, note: dict[str, Any] | None = None) -> None:
        """Write the outcome of the item that carries it, with a note for the receipt."""
        self.work.outcomes[self.slot] = outcome
        if note is not None:
            self.work.notes.setdefault(self.slot, {}).update(note)
