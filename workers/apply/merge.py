"""Merge the items of a window that name the same feed variant: later fields win, earlier items are superseded."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter

from schemas.outcomes import Outcome
from workers.apply.work import Entry, Work

_SUPERSEDED = Outcome.SUPERSEDED


def merge(works: Iterable[Work]) -> list[Entry]:
    """Return one entry a feed variant, sorted by the full key; mark what was superseded.

    That is the order in which every window looks keys up and locks rows. `place` tells where the window first names it.
    """
    by_feed: dict[int, dict[str, Entry]] = {}
    place = 0
    for work in works:
        known = by_feed.setdefault(work.batch.feed_id, {})
        for slot, item in enumerate(work.batch.items):
            external_id = item["externalId"]
            entry = known.get(external_id)
            if entry is None:
                known[external_id] = Entry(work, slot, external_id, item, place)
                place += 1
            else:
                entry.end(_SUPERSEDED)
                entry.work, entry.slot, entry.item = work, slot, entry.item | item
    groups = [sorted(known.values(), key=_external_id) for known in by_feed.values() if known]
    groups.sort(key=_feed_key)
    return [entry for group in groups for entry in group]


_external_id = attrgetter("external_id")


def _feed_key(group: list[Entry]) -> tuple[int, int]:
    return group[0].work.feed.account_id, group[0].work.feed.id
