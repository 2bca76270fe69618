"""What a stretch of work cost: CPU time by part, WAL, and how many updates stayed within their page (HOT)."""

from __future__ import annotations

import os
import re
import resource
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import asyncpg


@dataclass(frozen=True, slots=True)
class Meters:
    """Readings: CPU seconds by part, bytes of WAL, updates of feed variants and those of them that were HOT.

    `others_s` are the CPU seconds of whatever is no part, nor this process or the load generator, `at_s` is when.
    """

    cpu_s: dict[str, float]
    wal: int
    updates: int
    hot: int
    others_s: float
    at_s: float

    def since(self, before: Meters) -> Meters:
        """Return what was used between two readings."""
        return Meters(
            {part: used - before.cpu_s[part] for part, used in self.cpu_s.items()},
            self.wal - before.wal,
            self.updates - before.updates,
            self.hot - before.hot,
            self.others_s - before.others_s,
            self.at_s - before.at_s,
        )

    @property
    def others(self) -> float:
        """Return the share of all cores that other work, or the machine's host, took between two readings."""
        return max(0.0, self.others_s) / (self.at_s * (os.cpu_count() or 1))


async def read(connection: asyncpg.Connection, parts: Mapping[str, Sequence[int]]) -> Meters:
    """Return the readings now; `parts` are the process ids of each."""
    row = await connection.fetchrow(
        "SELECT pg_current_wal_insert_lsn() - '0/0' AS wal, n_tup_upd AS updates, n_tup_hot_upd AS hot "
        "FROM pg_stat_user_tables WHERE relname = 'feed_variants'"
    )
    used = {part: sum(map(cpu_s, pids)) for part, pids in parts.items()}
    ours = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    others_s = _machine_s() - sum(used.values()) - ours
    return Meters(used, int(row["wal"]), row["updates"], row["hot"], others_s, time.monotonic())


def _machine_s() -> float:
    """Return the CPU seconds that this whole machine has used, and what its host took from it (/proc/stat)."""
    user, nice, system, _, _, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


async def histogram(port: int, name: str) -> dict[float, float]:
    """Return one of a process's histograms: how many were at most so many seconds, by these seconds."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as response:
        text = await response.text()
    found = re.findall(rf'^{name}_bucket{{le="([^"]+)"}} (\S+)', text, re.MULTILINE)
    return {float(bound): float(count) for bound, count in found}


def quantile(before: Mapping[float, float], after: Mapping[float, float], share: float) -> float:
    """Return the bound, in seconds, below which this share of what came between two readings was; 0 if nothing did."""
    between = {bound: count - before.get(bound, 0) for bound, count in after.items()}
    wanted = share * max(between.values(), default=0)
    return next((bound for bound in sorted(between) if wanted and between[bound] >= wanted), 0)


def family(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            found += map(int, task.read_text().split())
    return found


def cpu_s(pid: int) -> float:
    """Return the CPU seconds that a process and its descendants, ended ones included, have used."""
    used = 0
    for member in family(pid):
        with suppress(FileNotFoundError, ProcessLookupError):
            fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
            used += sum(map(int, fields[11:15]))
    return used / os.sysconf("SC_CLK_TCK")
