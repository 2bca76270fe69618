"""The daily SKU limit as senders see it: which day it is for an account, what is used, what remains."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from schemas.errors import Transient

CHARGE_DAYS = 32
"""Days that a feed variant's charge mark remembers; see `workers.apply.admit`."""


class UnknownZone(Transient):
    """An account's time zone is not known here: it was checked on a machine with a newer database."""


@lru_cache(1024)
def zone(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name; raises `UnknownZone`, as another day than the account's is no answer."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise UnknownZone(f"this machine's database of time zones does not know {name!r}: update it") from None


def account_day(at_ms: int, time_zone: ZoneInfo) -> date:
    """Return the day, in the account's time zone, of a time in milliseconds since 1970."""
    return datetime.fromtimestamp(at_ms / 1000, time_zone).date()


def resets_at(day: date, time_zone: ZoneInfo) -> datetime:
    """Return when the day after `day` begins, in UTC; where clocks skip midnight, that is the moment of the skip."""
    return datetime.combine(day + timedelta(days=1), time(), time_zone).astimezone(UTC)


def is_charged(mark: int, day: int) -> bool:
    """Return whether a row's charge mark says that it was counted on a day (an ordinal)."""
    age = (mark >> CHARGE_DAYS) - day
    return 0 <= age < CHARGE_DAYS and bool(mark >> age & 1)


@dataclass(frozen=True, slots=True)
class Usage:
    """One account's day. `limit` None is unlimited; `deferred` counts the account's waiting items."""

    day: date
    time_zone: str
    limit: int | None
    used: int
    deferred: int = 0

    @property
    def remaining(self) -> int | None:
        """Return how many more feed variants the day takes; None without a limit."""
        return None if self.limit is None else max(self.limit - self.used, 0)

    def as_json(self) -> dict[str, Any]:
        """Return the object that receipts, replies and `GET /api/usage.json` carry."""
        resets = resets_at(self.day, zone(self.time_zone))
        return {
            "day": self.day.isoformat(),
            "timeZone": self.time_zone,
            "limit": self.limit,
            "used": self.used,
            "deferred": self.deferred,
            "remaining": self.remaining,
            "resetsAt": resets.isoformat(timespec="seconds").replace("+00:00", "Z"),
        }
