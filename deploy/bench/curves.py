"""Two curves: latency over load, and items a second over the size of a window; and their plots."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deploy.bench import windows
from deploy.bench.catalogue import Post
from deploy.bench.load import Drive
from deploy.bench.plot import Chart
from deploy.bench.report import Report
from deploy.bench.road import Road
from schemas.items import MAX_ITEMS

_SHARES = (0.125, 0.25, 0.5, 0.75)
_HALF = 0.5
_WINDOW_S = 0.6
_CONNECTIONS, _PAUSE_S = 32, 0.25
"""Connections at most, and so few that none pauses for longer between two posts."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds at a share of the full load: the 202 and post to commit, median and 99th percentile."""

    share: float
    pace: float
    accepted: tuple[float, float]
    committed: tuple[float, float]


async def latency(way: Road, file: Path, full: float, seconds: int) -> list[Latency]:
    """Return the latency at shares of `full` items a second, all changed."""
    found = []
    for number, share in enumerate(_SHARES):
        rate = share * full / MAX_ITEMS
        connections = min(_CONNECTIONS, max(1, int(rate * _PAUSE_S)))
        how = Drive(2 * seconds, connections=connections, quantity=100_000 * (number + 1), step=1, rate=rate)
        cost = await way.take(file, how)
        load = cost.load
        accepted, committed = (load.p50_ms, load.p99_ms), await way.lags_ms(cost.since)
        found.append(Latency(share, load.posts_per_second * MAX_ITEMS, accepted, committed))
    return found


def told(report: Report, loads: list[Latency]) -> None:
    """Add the latency at half load to the report."""
    half = next(one for one in loads if one.share == _HALF)
    report.add("half load of all changed", half.pace, "items/s")
    report.add("202 at half load, median", half.accepted[0], "ms")
    report.below("202 at half load, p99", half.accepted[1], "ms", target=12)
    report.add("post to commit at half load, median", half.committed[0], "ms")
    report.below("post to commit at half load, p99", half.committed[1], "ms", target=50)
    report.add("post to commit at an eighth of the load, median", loads[0].committed[0], "ms")


def draw_latency(folder: Path, loads: list[Latency]) -> None:
    """Write the plot of latency over load."""
    lines = {
        "post to commit, p99": [(one.pace, one.committed[1]) for one in loads],
        "post to commit, median": [(one.pace, one.committed[0]) for one in loads],
        "202, p99": [(one.pace, one.accepted[1]) for one in loads],
        "202, median": [(one.pace, one.accepted[0]) for one in loads],
    }
    chart = Chart("Latency over load, lean items, all changed", "items a second", "ms", lines)
    _write(folder / "speed-latency.svg", chart)


async def draw_windows(folder: Path, dsn: str, made: list[Post]) -> None:
    """Measure windows by their size, and write the plot."""
    unchanged = await windows.paces(dsn, made, _WINDOW_S, changing=False)
    changed = await windows.paces(dsn, made, _WINDOW_S, changing=True)
    lines = {"nothing changed": unchanged, "all changed": changed}
    chart = Chart("Items a second over the size of a window, one connection", "batches a window", "items/s", lines)
    _write(folder / "speed-windows.svg", chart)


def _write(path: Path, chart: Chart) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(chart.svg())
