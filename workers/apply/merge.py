"""Merge the items of a window that name the same feed variant: later fields win, earlier items are superseded."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.outcomes import Outcome
from workers.apply.work import Entry, Work

_SUPERSEDED = Outcome.SUPERSEDED


def merge(works: Iterable[Work]) -> list[Entry]:
    """Return one entry a feed variant, ordered by where the window first names it; mark what was superseded."""
    entries: list[Entry] = []
    by_feed: dict[int, dict[str, Entry]] = {}
    for work in works:
        known = by_feed.setdefault(work.batch.feed_id, {})
        for slot, item in enumerate(work.batch.items):
            external_id = item["externalId"]
            entry = known.get(external_id)
            if entry is None:
                known[external_id] = entry = Entry(work, slot, external_id, item)
                entries.append(entry)
            else:
                entry.end(_SUPERSEDED)
                entry.work, entry.slot, entry.item = work, slot, entry.item | item
    return entries
