"""The daily SKU limit, decided purely: which changes fit into the account's day, which have to wait.

Counted are distinct feed variants created or changed on a day of the account's time zone. A row's charge mark tells
on which days it was counted already: the ordinal of the newest such day in the upper 32 bits, and a mask of it and the
31 days before it in the lower ones. So a batch that waited over midnight is charged to its own day, once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter

from schemas.usage import CHARGE_DAYS, is_charged
from workers.apply.purse import Purse
from workers.apply.work import Entry, Work

_DAYS = CHARGE_DAYS
_MASK = (1 << _DAYS) - 1


def charge(mark: int, day: int) -> int:
    """Return the mark that counts a day in; a day before the mark's memory is counted but not remembered."""
    newest = mark >> _DAYS
    age = newest - day
    if age < 0:
        kept = (mark & _MASK) << -age & _MASK if -age < _DAYS else 0
        return day << _DAYS | kept | 1
    return mark | 1 << age if age < _DAYS else mark


def is_free(mark: int, day: int) -> bool:
    """Return whether a mark counts a day in already."""
    return mark >> _DAYS == day or is_charged(mark, day)


def purses_of(changed: Iterable[Entry], others: Iterable[tuple[Work, int]] = ()) -> list[Purse]:
    """Return a purse for every account's day that something has to be charged to, sorted by both.

    That is changed entries, and so many `others` of the days of their works.
    """
    purses: dict[tuple[int, int], Purse] = {}
    for entry in changed:
        if not is_free(entry.charged, entry.work.ordinal):
            (entry.work.purse or _purse(entry.work, purses)).wanted += 1
    for work, number in others:
        (work.purse or _purse(work, purses)).wanted += number
    return [purses[key] for key in sorted(purses)]


def _purse(work: Work, purses: dict[tuple[int, int], Purse]) -> Purse:
    key = (work.feed.account_id, work.ordinal)
    if (purse := purses.get(key)) is None:
        purses[key] = purse = Purse(work.feed.account_id, work.day, work.feed.daily_sku_limit)
    work.purse = purse
    return purse


def admit(changed: list[Entry], purses: Sequence[Purse]) -> tuple[list[Entry], list[Entry]]:
    """Divide changed entries into those that are admitted, with their marks charged, and the others.

    Those that the window names first are admitted, but none before what was deferred earlier. The admitted stay in the
    order given; the others come as named.
    """
    if not purses:
        return changed, []
    if not any(purse.short for purse in purses):
        _charge_all(changed)
        return changed, []
    others: list[Entry] = []
    for entry in sorted(changed, key=_place):
        if is_free(entry.charged, entry.work.ordinal):
            continue
        purse = entry.work.purse
        assert purse is not None
        if purse.take(waited=entry.was_deferred):
            entry.charged = charge(entry.charged, entry.work.ordinal)
        else:
            others.append(entry)
    if not others:
        return changed, []
    left = set(others)
    return [entry for entry in changed if entry not in left], others


def take(others: Iterable[tuple[Work, int]]) -> None:
    """Take so many places of the days of works, where all of it fits."""
    for work, number in others:
        assert work.purse is not None
        work.purse.taken += number


_place = attrgetter("place")


def _charge_all(entries: Iterable[Entry]) -> None:
    """Charge whatever is not free, where all of it fits. Rows of a window have a few marks among them."""
    marks: dict[tuple[int, int], int | None] = {}
    for entry in entries:
        work, key = entry.work, (entry.charged, entry.work.ordinal)
        if key not in marks:
            marks[key] = None if is_free(*key) else charge(*key)
        mark = marks[key]
        if mark is not None:
            assert work.purse is not None
            work.purse.taken += 1
            work.purse.redeemed += entry.was_deferred
            entry.charged = mark
