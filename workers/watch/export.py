"""What a watcher has seen, exported while it is fresh: who is not active, or has gone stale, exports none of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from schemas.metrics import Seen

Sample = tuple[tuple[str, ...], float]
Seeing = Mapping[Seen, Sequence[Sample]]
"""The samples of each metric: the values of its labels, and its value."""


class Exporter(Collector):
    """Collects the newest of each source's seeing, unless it is older than the source said that it stays true."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._seen: dict[str, tuple[float, Seeing]] = {}

    def show(self, source: str, seeing: Seeing, *, fresh_s: float) -> None:
        """Export this from now on, for so long."""
        self._seen[source] = self._monotonic() + fresh_s, seeing

    def hide(self, source: str) -> None:
        """Export nothing of a source any more."""
        self._seen.pop(source, None)

    def describe(self) -> Iterable[Metric]:
        """Return nothing: what will be exported is not known before it is seen."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Return what is fresh."""
        now = self._monotonic()
        for fresh_until, seeing in list(self._seen.values()):
            if now <= fresh_until:
                for seen, samples in seeing.items():
                    family = GaugeMetricFamily(seen.name, seen.meaning, labels=seen.labels)
                    for labels, value in samples:
                        family.add_metric(labels, value)
                    yield family
