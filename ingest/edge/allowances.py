"""What is left of the accounts' daily SKU limits, as the edge last read it: at most `FEEDS_POLL_MS` ago.

To ask Postgres at every post would cost more than the post, and posts are accepted while it is away. So the answer
tells what the workers had charged when the feeds were read last, and never decides anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from ingest.http.capacity import fields
from schemas.usage import UnknownZone, account_day, resets_at, zone


@dataclass(frozen=True, slots=True)
class Allowance:
    """An account's limit, and what was used of it on the day that was `day` in its time zone."""

    limit: int
    used: int
    day: date
    time_zone: ZoneInfo
    resets_ms: int

    def fields(self, now_ms: int) -> Mapping[str, str]:
        """Return the header fields of an answer: all of the limit, once that day is over."""
        if now_ms < self.resets_ms:
            return fields(self.limit, max(self.limit - self.used, 0), (self.resets_ms - now_ms) // 1000)
        today = account_day(now_ms, self.time_zone)
        return fields(self.limit, self.limit, (_resets_ms(today, self.time_zone) - now_ms) // 1000)


def allowances(rows: Iterable[Mapping[str, Any]], now_ms: int) -> dict[int, Allowance]:
    """Return the allowance of each limited account by its id, of the rows of `allowances_of_edge`.

    An account whose time zone is not known here has none.
    """
    found: dict[int, Allowance] = {}
    for row in rows:
        with suppress(UnknownZone):
            time_zone = zone(row["time_zone"])
            today = account_day(now_ms, time_zone)
            known = found.get(row["id"])
            used = row["used"] if row["day"] == today else known.used if known else 0
            resets_ms = known.resets_ms if known else _resets_ms(today, time_zone)
            found[row["id"]] = Allowance(row["daily_sku_limit"], used, today, time_zone, resets_ms)
    return found


def _resets_ms(day: date, time_zone: ZoneInfo) -> int:
    return int(resets_at(day, time_zone).timestamp() * 1000)
