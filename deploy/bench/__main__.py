"""Runs the benchmark, prints its table, writes its figures as JSON and draws its two plots.

    python -m deploy.bench [--seconds N] [--rounds N] [--rows N] [--kind KIND] [--json FILE] [--plots FOLDER]

All in one run on the same cores and with the same durability, round by round: Postgres alone (the ceiling), then the
road with edge, broker, workers, database and load generator; then latency over load, the usual day, the edge against a
bare handler, a peer, memory with a backlog. Nothing is switched off: limit, order, receipts, confirms and fsync are on.
"""

from __future__ import annotations

import asyncio
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import click
import uvloop

from deploy.bench import bound, ceiling, changes, curves, day, edge, peers, readme, spans, stored
from deploy.bench.catalogue import KINDS, numbers, posts, usual
from deploy.bench.ending import scratch
from deploy.bench.load import Drive, drive, write_posts
from deploy.bench.meters import family
from deploy.bench.report import Report, machine
from deploy.bench.road import Road, road
from deploy.bench.system import WORKERS, System, peak_mb, system

_WAITING_BATCHES = 10_000
_DRAIN_S = 120
_TARGETS = {"lean": (0.7, 0.55), "rich": (0.7, 0.5)}
"""Ratios of all changed and all unchanged to what Postgres alone can do."""
_CREATED = 0.6
_OUTCOMES = {"all unchanged": "unchanged", "all changed": "updated", "new rows": "created"}
"""What has to become of every item, or something else was measured."""
_IN_ORDER = 50
"""Added to an account's id for the one whose catalogue is sent in its order."""
_FEWEST_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, how often, over how many rows, by how many workers, and where the plots go."""

    seconds: int
    rounds: int
    rows: int
    kinds: tuple[str, ...]
    workers: int
    plots: Path | None


@dataclass(frozen=True, slots=True)
class Files:
    """What the load generator sends: the stored SKUs, those of them that are changed, and new ones.

    Of a catalogue that a measurement gets halfway through, the halves: what was changed is not unchanged any more.
    """

    stored: Path
    changed: Path
    new: Path


@click.command()
@click.option("--seconds", default=3, show_default=True, help="Length of each measurement.")
@click.option("--rounds", default=3, show_default=True, help="Rounds, whose medians are told.")
@click.option("--rows", default=0, help="Lean rows stored before, e.g. 10000000; none but the catalogue's by default.")
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(list(KINDS)), help="Both by default; lean with --rows."
)
@click.option(
    "--workers", default=WORKERS, show_default=True, help="Worker processes; 4 where there are cores for them."
)
@click.option("--json", "path", type=click.Path(path_type=Path), default=Path(".local/bench.json"), show_default=True)
@click.option("--plots", type=click.Path(path_type=Path), default=Path("docs/images"), show_default=True)
def main(path: Path, kinds: tuple[str, ...], rows: int, **options: Any) -> None:
    """Measure the road and print ratios against what Postgres alone can do in the same run."""
    report = Report(machine())
    plan = Plan(rows=rows, kinds=_kinds(kinds, rows), **options)
    try:
        with scratch("bench") as folder:
            uvloop.run(_run(folder, plan, report))
    finally:  # what was measured before something failed is told too
        report.write(path)
        told = readme.markdown(report)
        path.with_suffix(".md").write_text(f"{told}\n")
        click.echo(f"\n{report.machine}\n\n{report.table()}\n")
        click.echo(f"{told}\n\nAll of it as JSON: {path}; what the README says: {path.with_suffix('.md')}")


def _kinds(asked: tuple[str, ...], rows: int) -> tuple[str, ...]:
    if not rows:
        return asked or tuple(KINDS)
    if rows < _FEWEST_ROWS:
        raise click.UsageError(f"--rows {rows}: expected 0, or {_FEWEST_ROWS:,} and more")
    if "rich" in asked:  # sent to lean rows, rich items would all be changed, then changed back
        raise click.UsageError("--rows stores lean items: expected --kind lean, or no --kind")
    return ("lean",)


async def _run(folder: Path, plan: Plan, report: Report) -> None:
    for case, microseconds in (await spans.measure()).items():
        report.add(f"to publish a batch, TRACING {case}", microseconds, "µs")
    async with system(folder) as running:
        running.road_workers = plan.workers
        for kind in plan.kinds:
            await _kind(running, report, plan, kind)
        if "lean" in plan.kinds and not plan.rows:
            await _beside(running, report, plan)


async def _kind(running: System, report: Report, plan: Plan, kind: str) -> None:
    """Measure created, unchanged and changed items of one kind, round by round."""
    all_of = running.folder / f"{kind}.posts"
    changed = running.folder / f"{kind}.changed.posts" if plan.rows else all_of
    files = Files(all_of, changed, running.folder / f"{kind}.new.posts")
    made = posts(kind, running.feeds, numbers(plan.rows // 2, seed=1))
    half = len(made) // 2 if plan.rows else 0
    write_posts(files.changed, made[:half])
    write_posts(files.stored, made[half:])
    write_posts(files.new, posts(kind, running.feeds, numbers(0, seed=2), new=True))
    async with road(running) as way:
        if plan.rows:
            _say(f"storing {plan.rows:,} rows")
            await stored.fill(way.connection, running.feeds, plan.rows)
        else:
            _say(f"{kind}: storing {len(made):,} posts")
            await way.store(made)
        for number in range(plan.rounds):
            await _round(way, report, plan, (kind, number), files)
        if kind == "lean" and not plan.rows:
            _say("what change records cost")
            await changes.measure(way, report, files.stored, seconds=plan.seconds, rounds=plan.rounds)
        pids = {"edge": way.roles["edge"][0], "a worker": way.roles["workers"][0]}
        for part, pid in pids.items():
            report.below(f"peak memory, {part}, {kind}", peak_mb(pid), "MB", target=110)
        if kind == "lean" and not plan.rows and plan.plots:
            await _latencies(way, report, plan, files.stored)
    if kind == "lean" and not plan.rows and plan.plots:
        _say("windows by size")
        await curves.draw_windows(plan.plots, running.dsn, made)


async def _latencies(way: Road, report: Report, plan: Plan, file: Path) -> None:
    _say("latency over load")
    assert plan.plots
    full = report.figures["the road, lean, all changed"].value
    loads = [await curves.latency(way, file, (share, plan.rounds), full, plan.seconds) for share in curves.SHARES]
    curves.draw_latency(plan.plots, loads)


async def _round(way: Road, report: Report, plan: Plan, which: tuple[str, int], files: Files) -> None:
    kind, number = which
    changed, unchanged = _TARGETS[kind]
    account = ceiling.ACCOUNT + (0 if plan.rows else number + 100 * list(KINDS).index(kind))
    _say(f"{kind}, round {number + 1}: Postgres alone, then the road")
    table = ceiling.Table(kind, account, plan.rows // 2, number)
    top = await asyncio.to_thread(ceiling.measure, way.running.dsn, table, plan.seconds / 2)
    ceiling.told(report, kind, top)
    if not number and not plan.rows:
        _say(f"{kind}: Postgres alone, the catalogue in its order")
        table = replace(table, account=account + _IN_ORDER, in_order=True)
        ordered = await asyncio.to_thread(ceiling.measure, way.running.dsn, table, plan.seconds / 2)
        ceiling.told(report, f"{kind}, the catalogue in its order", ordered, of=top)
    cases = [
        ("all unchanged", files.stored, Drive(plan.seconds, quantity=1), top.unchanged, unchanged),
        ("all changed", files.changed, Drive(plan.seconds, quantity=2 + 1_000 * number, step=1), top.changed, changed),
    ]
    if number and not plan.rows:
        await way.put_back(files.stored, plan.seconds)
    if not plan.rows:
        new = Drive(max(2, plan.seconds // 2), quantity=2 + 1_000 * number, step=1)
        cases.append(("new rows", files.new, new, top.created, _CREATED))
    for case, file, how, of, target in cases:
        cost = await way.take(file, how)
        report.at_least(f"the road, {kind}, {case}", cost.pace, "items/s", of=of, target=target)
        cost.told(report, f"{kind}, {case}")
        share = 100 * cost.missed(_OUTCOMES[case])
        report.below(f"  items that were not {_OUTCOMES[case]}, {kind}, {case}", share, "%", target=0)
        bound.told(report, f"{kind}, {case}", cost, bound.Yardstick(of, target))
        if kind == "lean" and case == "all changed":
            half = await curves.latency(way, files.changed, (curves.HALF, number), cost.pace, plan.seconds)
            curves.told(report, half)


async def _beside(running: System, report: Report, plan: Plan) -> None:
    """Measure what is not the road at full load: the usual day, the edge alone, memory."""
    async with road(running) as way:
        _say("the usual day")
        feeds = await day.feeds(way.connection, running.feeds)
        made = usual(feeds, day.SIZES, seed=3)
        file = running.folder / "day.posts"
        write_posts(file, made)
        await way.store(made)
        await day.begin(way.connection)
        cost = await way.take(file, Drive(2 * plan.seconds, quantity=2, step=1))
        waiting, over = await day.limits_held(way.connection)
        report.add("the usual day", cost.pace, "items/s")
        cost.told(report, "the usual day")
        report.add("  deferred over the limits of two accounts, the usual day", waiting, "items")
        report.below("  applied over a limit, the usual day", over, "items", target=0)
    await _backlog(running, report)
    file = running.folder / "lean.posts"
    for number in range(plan.rounds):  # what the edge publishes here stays in the queues
        _say(f"round {number + 1}: a bare aiohttp handler, then the edge alone")
        await edge.alone(running, report, file, plan.seconds)
    _say("the peer")
    try:
        await peers.compete(running, report, file, plan.rounds, plan.seconds)
    except (subprocess.CalledProcessError, TimeoutError) as error:
        _say(f"it could not be installed, or did not start: {error!r}")


async def _backlog(running: System, report: Report) -> None:
    """Measure memory while rich batches wait: with no worker, post until they do, then let one take all shards."""
    file = running.folder / ("rich.posts" if (running.folder / "rich.posts").exists() else "lean.posts")
    _say(f"memory with {_WAITING_BATCHES:,} batches waiting")
    connection = await asyncpg.connect(running.dsn)
    try:
        async with running.edge() as (url, pid):
            waiting, began = 0, await connection.fetchval("SELECT clock_timestamp()")
            while waiting < _WAITING_BATCHES:
                load = await drive(url, file, Drive(4, rate=_WAITING_BATCHES / 4))
                waiting += load.posts - load.refused
            async with running.workers(1) as workers, asyncio.timeout(_DRAIN_S):
                started = time.monotonic()
                while await _count(connection, began) < waiting:  # noqa: ASYNC110 - Postgres tells nobody
                    await asyncio.sleep(0.5)
                report.add("a backlog, one worker", 50 * waiting / (time.monotonic() - started), "items/s")
                report.below(
                    "peak memory, a worker with all shards and a backlog", peak_mb(workers[0]), "MB", target=110
                )
            report.below("peak memory, edge, a backlog", peak_mb(pid), "MB", target=110)
    finally:
        await connection.close()
    broker = running.servers["RabbitMQ"][0]
    report.add("peak memory, RabbitMQ", max(peak_mb(pid) for pid in family(broker)), "MB")


async def _count(connection: asyncpg.Connection, since: object) -> int:
    count: int = await connection.fetchval("SELECT count(*) FROM receipts WHERE received_at >= $1", since)
    return count


def _say(what: str) -> None:
    click.echo(f"· {what}", err=True)


if __name__ == "__main__":
    main()
