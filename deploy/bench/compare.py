"""Two commits in turn on the same machine: what an item costs on each, and their ratios.

    python -m deploy.bench.compare BASE [--rounds N] [--kind lean]

Each side has servers and processes of its own, and runs its own code; they take turns, so that what else the machine
does falls upon both. CPU time is the figure to look at where others share the machine.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import click
import uvloop
from tabulate import tabulate

from deploy.bench.catalogue import numbers, posts
from deploy.bench.ending import scratch, undisturbed
from deploy.bench.load import Drive, write_posts
from deploy.bench.report import shown
from deploy.bench.road import GENERATOR, Cost, Road, road
from deploy.bench.system import HERE, system

CASES = {
    "unchanged": Drive(0, quantity=1, step=0),
    "changed": Drive(0, quantity=2, step=1),
    "changed, a third of the load": Drive(0, quantity=100_000, step=1, rate=300),
}
_SIDES = ("base", "here")


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: its code, and settings of its own."""

    name: str
    code: Path
    settings: dict[str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured, how often and how long."""

    kind: str
    rounds: int
    seconds: int
    cases: Sequence[str]


@click.command()
@click.argument("base")
@click.option("--rounds", default=3, show_default=True)
@click.option("--seconds", default=4, show_default=True, help="Length of each measurement.")
@click.option("--kind", default="lean", show_default=True)
@click.option("--case", "cases", multiple=True, default=tuple(CASES), show_default=True)
@click.option("--set", "changed", multiple=True, help="A setting of this side alone, as NAME=VALUE.")
def main(base: str, changed: tuple[str, ...], **options: Any) -> None:
    """Compare the road of this checkout with that of the commit BASE."""
    with scratch("compare") as folder, _checkout(base, folder / "code") as code:
        sides = [Side("base", code, {}), Side("here", HERE, dict(one.split("=", 1) for one in changed))]
        costs = uvloop.run(_run(folder, sides, Plan(**options)))
    click.echo(f"\n{_table(costs)}")


@contextmanager
def _checkout(commit: str, folder: Path) -> Iterator[Path]:
    """Check a commit out beside this one; git forgets it afterwards."""
    git = ("git", "-C", str(HERE), "worktree")
    try:
        with undisturbed():
            add = [*git, "add", "--quiet", "--detach", str(folder), commit]
            subprocess.run(add, check=True)  # noqa: S603 - a developer's own argument
        yield folder
    finally:
        with undisturbed():
            if folder.exists():
                subprocess.run([*git, "remove", "--force", str(folder)], check=True)  # noqa: S603 - our own folder


Costs = dict[tuple[str, str], list[Cost]]


async def _run(folder: Path, sides: Sequence[Side], plan: Plan) -> Costs:
    costs: Costs = {(case, side.name): [] for case in plan.cases for side in sides}
    async with AsyncExitStack() as stack:
        roads: dict[str, Road] = {}
        for side in sides:
            click.echo(f"· starting {side.name}", err=True)
            running = await stack.enter_async_context(system(folder / side.name, side.code))
            running.environment.update(side.settings)
            roads[side.name] = await stack.enter_async_context(road(running))
            made = posts(plan.kind, running.feeds, numbers(0, seed=1))
            write_posts(folder / f"{side.name}.posts", made)
            await roads[side.name].store(made)
        for number in range(plan.rounds):
            for case in plan.cases:
                drive = _drive(case, number, plan.seconds)
                for name in _SIDES if number % 2 else _SIDES[::-1]:
                    click.echo(f"· round {number + 1}: {case}, {name}", err=True)
                    file = folder / f"{name}.posts"
                    if not drive.step:
                        await roads[name].put_back(file, drive.seconds)
                    costs[case, name].append(await roads[name].take(file, drive))
    return costs


def _drive(case: str, number: int, seconds: int) -> Drive:
    how = CASES[case]
    return replace(how, seconds=seconds, quantity=how.quantity + number * 1_000 * how.step)


def _table(costs: Costs) -> str:
    rows = []
    for case in dict.fromkeys(case for case, _ in costs):
        base, here = (costs[case, side] for side in _SIDES)
        for name in _lines(base[0]):
            pair = [[_lines(cost)[name] for cost in side] for side in (base, here)]
            ratio = median(after / before for before, after in zip(*pair, strict=True) if before)
            rows.append((case, name, *(shown(median(side)) for side in pair), f"{ratio:.3f}"))
    headers = ("case", "", *_SIDES, "here ÷ base")
    return str(tabulate(rows, headers=headers, colalign=("left", "left", "right", "right", "right")))


def _lines(cost: Cost) -> dict[str, float]:
    return {
        "items/s": cost.pace,
        **{f"CPU an item: {part}, µs": used for part, used in cost.cpu_us.items()},
        "CPU an item: all, µs": sum(cost.cpu_us.values()),
        f"CPU an item: {GENERATOR}, µs": cost.generator_us,
        "WAL an item, bytes": cost.wal_bytes,
        "batches a window": cost.window,
        "202 median, ms": cost.load.p50_ms,
        "202 p99, ms": cost.load.p99_ms,
        "post to commit median, ms": cost.lags_ms[0],
        "post to commit p99, ms": cost.lags_ms[1],
        "CPU that other work took, %": 100 * cost.others,
    }


if __name__ == "__main__":
    main()
