"""Two curves: latency over load, and items a second over the size of a window; and their plots."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.bench import meters, stages, windows
from deploy.bench.catalogue import Post
from deploy.bench.load import Drive
from deploy.bench.plot import Chart
from deploy.bench.report import Report
from deploy.bench.road import Cost, Road
from schemas.items import MAX_ITEMS

SHARES = (0.125, 0.25, 0.5, 0.75)
HALF = 0.5
_STAGES = {
    "arriving": "edge and RabbitMQ",
    "filling": "its window fills",
    "turn": "its turn comes",
    "committing": "Postgres",
}
_WINDOW_S = 0.6
_CONNECTIONS, _PAUSE_S = 32, 0.25
"""Connections at most, and so few that none pauses for longer between two posts."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds at a share of the full load: the 202 and post to commit, median and 99th percentile.

    `confirmed` and `looped` are 99th percentiles at the edge, as bounds of a histogram's buckets: the broker's confirm,
    which is most of the 202, and how late the event loop was. `spent` is where the time from post to commit goes, of
    all batches and of the slowest; `full` the items a second that `share` is of.
    """

    share: float
    full: float
    cost: Cost
    confirmed: float
    looped: float
    spent: tuple[stages.Stages, stages.Stages]

    @property
    def pace(self) -> float:
        """Items a second as they were sent."""
        return self.cost.load.posts_per_second * MAX_ITEMS


async def latency(way: Road, file: Path, which: tuple[float, int], full: float, seconds: int) -> Latency:
    """Return the latency at a share of `full` items a second, all changed; `which` is that, and the round.

    Connections pause between posts, half to one and a half times the mean, which the rate gives; each waits for its
    answer first, so that what is sent is a little less than wanted.
    """
    share, number = which
    rate = share * full / MAX_ITEMS
    connections = min(_CONNECTIONS, max(1, int(rate * _PAUSE_S)))
    quantity = 100_000 * (1 + len(SHARES) * number + SHARES.index(share))
    how = Drive(2 * seconds, connections=connections, quantity=quantity, step=1, rate=rate)
    before, since = await _histograms(way), await way.now()
    cost = await way.take(file, how)
    confirmed, looped = (
        1000 * meters.quantile(early, late, 0.99) for early, late in zip(before, await _histograms(way), strict=True)
    )
    spent = stages.all_and_slowest(await stages.stamps(way.connection, since))
    return Latency(share, full, cost, confirmed, looped, spent)


async def _histograms(way: Road) -> list[dict[float, float]]:
    port = way.running.monitors["edge"]
    return [
        await meters.histogram(port, name) for name in ("feedline_confirm_seconds", "feedline_event_loop_lag_seconds")
    ]


def told(report: Report, half: Latency) -> None:
    """Add a round of the latency at half load to the report."""
    accepted, committed = half.cost.load, half.cost.lags_ms
    report.add("half load of all changed", half.pace, "items/s", of=half.full)
    report.add("202 at half load, median", accepted.p50_ms, "ms")
    report.below("202 at half load, p99", accepted.p99_ms, "ms", target=12)
    report.add("  the broker's confirm at half load, p99 at most", half.confirmed, "ms")
    report.add("  the edge's event loop late at half load, p99 at most", half.looped, "ms")
    report.add("post to commit at half load, median", committed[0], "ms")
    report.below("post to commit at half load, p99", committed[1], "ms", target=50)
    for whose, spent in zip(("all batches", "the slowest twentieth"), half.spent, strict=True):
        for stage, took in asdict(spent).items():
            report.part(("post to commit at half load, mean", whose, _STAGES[stage]), took, "ms")
    report.add("  other work at half load", 100 * half.cost.others, "%")


def draw_latency(folder: Path, loads: list[Latency]) -> None:
    """Write the plot of latency over load."""
    lines = {
        "post to commit, p99": [(one.pace, one.cost.lags_ms[1]) for one in loads],
        "post to commit, median": [(one.pace, one.cost.lags_ms[0]) for one in loads],
        "202, p99": [(one.pace, one.cost.load.p99_ms) for one in loads],
        "202, median": [(one.pace, one.cost.load.p50_ms) for one in loads],
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
