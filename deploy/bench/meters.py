"""What a stretch of work cost: CPU time by part, WAL, and how many updates stayed within their page (HOT)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg


@dataclass(frozen=True, slots=True)
class Meters:
    """Readings: CPU seconds by part, bytes of WAL, updates of feed variants and those of them that were HOT."""

    cpu_s: dict[str, float]
    wal: int
    updates: int
    hot: int

    def since(self, before: Meters) -> Meters:
        """Return what was used between two readings."""
        return Meters(
            {part: used - before.cpu_s[part] for part, used in self.cpu_s.items()},
            self.wal - before.wal,
            self.updates - before.updates,
            self.hot - before.hot,
        )


async def read(connection: asyncpg.Connection, parts: Mapping[str, Sequence[int]]) -> Meters:
    """Return the readings now; `parts` are the process ids of each."""
    row = await connection.fetchrow(
        "SELECT pg_current_wal_insert_lsn() - '0/0' AS wal, n_tup_upd AS updates, n_tup_hot_upd AS hot "
        "FROM pg_stat_user_tables WHERE relname = 'feed_variants'"
    )
    used = {part: sum(map(cpu_s, pids)) for part, pids in parts.items()}
    return Meters(used, int(row["wal"]), row["updates"], row["hot"])


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
