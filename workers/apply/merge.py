"""Merge the items of a window that name the same feed variant: later fields win, earlier items are superseded."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.outcomes import Outcome
from workers.apply.sheet import Items, Sheet, Spans
from workers.apply.work import Work

_SUPERSEDED = Outcome.SUPERSEDED


def merge(works: Sequence[Work]) -> Sheet:
    """Return one line a feed variant, sorted by the full key; mark what was superseded.

    That is the order in which every window looks keys up and locks rows.
    """
    of = Items(works)
    by_feed: dict[int, list[int]] = {}
    for work, start in zip(works, of.starts, strict=True):
        by_feed.setdefault(work.batch.feed_id, []).extend(range(start, start + len(work.outcomes)))
    feeds = sorted({work.feed.id: work.feed for work in works}.values(), key=lambda feed: (feed.account_id, feed.id))
    lines: list[int] = []
    spans: Spans = []
    firsts: dict[int, int] = {}
    for feed in feeds:
        numbers = by_feed[feed.id]
        if len({of.ids[number] for number in numbers}) < len(numbers):
            numbers = _last_of_each(of, numbers, firsts)
        if numbers:
            lines += sorted(numbers, key=of.ids.__getitem__)
            spans.append((feed, len(numbers)))
    return Sheet(of, lines, spans, firsts)


def _last_of_each(of: Items, numbers: Sequence[int], firsts: dict[int, int]) -> list[int]:
    """Return the last item of each feed variant, with the fields of those before it that it does not have."""
    known: dict[str, int] = {}
    for number in numbers:
        external_id = of.ids[number]
        before = known.get(external_id)
        if before is not None:
            work, slot = of.origin(before)
            work.outcomes[slot] = _SUPERSEDED
            of.others[number] = of.item(before) | of.item(number)
            firsts[number] = firsts.get(before, before)
        known[external_id] = number
    return list(known.values())
