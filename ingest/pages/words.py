"""How values are written for people: numbers, sizes, times, durations, outcomes. Pure: `now` is an argument."""

from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
# In this order: most say that they are the ones before them, too.
_BROWSERS = {
    "Edg/": "Edge",
    "OPR/": "Opera",
    "Firefox/": "Firefox",
    "Chrome/": "Chrome",
    "Version/": "Safari",
    "curl/": "curl",
}
_SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Mac OS X": "macOS",
    "Windows": "Windows",
    "Linux": "Linux",
}
_TURNING = frozenset({"R", "AL", "AN", "RLE", "RLO", "RLI", "LRE", "LRO", "LRI", "FSI", "PDF", "PDI"})
UNKNOWN = "–"  # noqa: RUF001 - a dash is what people read as "nothing"
"""What stands where nothing is known yet: never 0."""


def number(value: float | None) -> str:
    """Return 41,200; a fraction with up to two digits."""
    if value is None:
        return UNKNOWN
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}".rstrip("0").rstrip(".")


def signed(value: int) -> str:
    """Return a difference: +1,204, −1,835, or "no change"."""  # noqa: RUF002 - minus
    if not value:
        return "no change"
    return f"{'+' if value > 0 else '−'}{abs(value):,}"  # noqa: RUF001 - minus


def size(count: int | None) -> str:
    """Return a number of bytes as 1.4 MB."""
    if count is None:
        return UNKNOWN
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1_000:  # noqa: PLR2004 - the step from unit to unit
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1_000
    return f"{amount:.1f} GB"


def browser(agent: str) -> str:
    """Return a User-Agent as people call it: Firefox 140 on Linux; as it is when it is none that we know."""
    mark = next((mark for mark in _BROWSERS if mark in agent), None)
    if mark is None:
        return agent
    version = agent.partition(mark)[2].partition(" ")[0].partition(".")[0]
    system = next((f" on {name}" for mark, name in _SYSTEMS.items() if mark in agent), "")
    return f"{_BROWSERS[mark]} {version}{system}"


def duration(seconds: float | None) -> str:
    """Return a length of time in one or two units: 28 ms, 12 s, 4 min, 1 h 05 min, 3 days."""
    if seconds is None:
        return UNKNOWN
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < 2 * _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    if seconds < 2 * _DAY:
        minutes = seconds % _HOUR // _MINUTE
        return f"{seconds // _HOUR:.0f} h {minutes:02.0f} min" if minutes else f"{seconds // _HOUR:.0f} h"
    return f"{seconds / _DAY:.0f} days"


def relative(moment: datetime, now: datetime) -> str:
    """Return "just now", "4 min ago", "in 12 min"; coarse, so that a page that stands still does not change."""
    seconds = (now - moment).total_seconds()
    if abs(seconds) < 45:  # noqa: PLR2004 - less than a minute, more or less
        return "just now" if seconds >= 0 else "now"
    length = duration(max(abs(seconds), 2 * _MINUTE) if abs(seconds) > 90 else _MINUTE)  # noqa: PLR2004 - rounds up
    length = "1 min" if length == "60 s" else length.replace("120 s", "2 min")
    return f"{length} ago" if seconds > 0 else f"in {length}"


def absolute(moment: datetime, zone: str) -> str:
    """Return 26 Nov 2026, 14:03:07 Europe/Berlin."""
    return f"{moment.astimezone(ZoneInfo(zone)):%-d %b %Y, %H:%M:%S} {zone}"


def clock(moment: datetime, zone: str, now: datetime) -> str:
    """Return 14:03, with the day when it is another one."""
    local, today = moment.astimezone(ZoneInfo(zone)), now.astimezone(ZoneInfo(zone))
    if local.date() == today.date():
        return f"{local:%H:%M}"
    near = abs(local - today) < timedelta(days=7)
    return f"{local:%a %H:%M}" if near else f"{local:%-d %b %Y}"


def counted(count: int, one: str, many: str = "") -> str:
    """Return "1 item", "41,200 items"."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def isolated(name: str) -> str:
    """Return a name as it stands in a sentence: one that is written from right to left turns nothing but itself.

    Without it `Sells 12 = مخزون 2026 3` reads as 3 2026. Unicode Technical Report 9, 6.1: first strong isolate.
    """
    turns = any(unicodedata.bidirectional(letter) in _TURNING for letter in name)
    return f"\N{FIRST STRONG ISOLATE}{name}\N{POP DIRECTIONAL ISOLATE}" if turns else name


def shown(value: Any) -> str:
    """Return a value of an item as a cell shows it."""
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, list):
        return ", ".join(map(shown, value))
    return str(value)
