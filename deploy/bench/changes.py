"""What change records cost: the road with all items changed, without and with them, in turns."""

from __future__ import annotations

from pathlib import Path

from deploy.bench.load import Drive
from deploy.bench.report import Report
from deploy.bench.road import Road
from deploy.bench.system import ACCOUNT

_KEEP = """
INSERT INTO change_streams (account_id, enabled) VALUES ($1, $2)
ON CONFLICT (account_id) DO UPDATE SET enabled = excluded.enabled
"""
_FIRST_QUANTITY = 1_000_000
"""Above those of the other measurements, so that every item changes."""


async def measure(way: Road, report: Report, file: Path, *, seconds: int, rounds: int) -> None:
    """Add the CPU time and the WAL of an item to the report, without and with change records."""
    for number in range(2 * rounds):
        keeps = bool(number % 2)
        await way.connection.execute(_KEEP, ACCOUNT, keeps)
        cost = await way.take(file, Drive(seconds, quantity=_FIRST_QUANTITY + 10_000 * number, step=1))
        case = f"lean, all changed, {'with' if keeps else 'without'} change records"
        report.add(f"CPU an item: all parts, {case}", sum(cost.cpu_us.values()), "µs")
        report.add(f"WAL an item, {case}", cost.wal_bytes, "bytes")
    await way.connection.execute(_KEEP, ACCOUNT, False)
