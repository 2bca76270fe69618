"""What the servers alone leave: how fast the road could be on this machine if edge and workers cost nothing.

Where all cores are busy, an item takes the CPU time of all parts, divided by the cores. Take edge and workers away, and
RabbitMQ, Postgres and the load generator are left, with what the road asks of them as it is. A bound, not a promise:
no core ever idles in it.
"""

from __future__ import annotations

from dataclasses import dataclass

from deploy.bench.report import Report
from deploy.bench.road import AN_ITEM, GENERATOR, Cost

SERVERS = ("RabbitMQ", "Postgres")


@dataclass(frozen=True, slots=True)
class Yardstick:
    """Items a second of Postgres alone, and the part of it that the road should reach."""

    pace: float
    target: float


def free(cpu_us: dict[str, float], cores: int) -> float:
    """Return items a second if only servers and load generator cost something; `cpu_us` are microseconds by part."""
    return cores * 1e6 / (_servers_us(cpu_us) + cpu_us[GENERATOR])


def share(cpu_us: dict[str, float], cores: int, yardstick: Yardstick) -> float:
    """Return the servers' CPU time an item as a share of all cores' time an item at the target."""
    return _servers_us(cpu_us) * yardstick.target * yardstick.pace / (cores * 1e6)


def told(report: Report, case: str, cost: Cost, yardstick: Yardstick) -> None:
    """Add a round to the report."""
    cores = report.machine["cores"]
    pace = free(cost.cpu_us | {GENERATOR: cost.generator_us}, cores)
    report.add(f"  if edge and workers cost nothing, {case}", pace, "items/s", of=yardstick.pace)
    share_of_it = 100 * share(cost.cpu_us, cores, yardstick)
    report.part((AN_ITEM, case, "RabbitMQ and Postgres at the target"), share_of_it, "% of the cores")


def _servers_us(cpu_us: dict[str, float]) -> float:
    return sum(cpu_us[name] for name in SERVERS)
