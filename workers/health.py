"""What is away right now: feeds `/readyz`, the degraded metric, and one log line at each change."""

from __future__ import annotations

import logging
from typing import Literal, get_args

from schemas import metrics
from schemas.logs import structlog

Dependency = Literal["postgres", "rabbitmq", "worker"]
"""`worker`: trouble of our own that nobody foresaw; the shard that has it stands still until somebody looks."""
_log = structlog.get_logger()


class Health:
    """Troubles by dependency and by who has them (`shard 3`, `heartbeat`)."""

    def __init__(self) -> None:
        self._troubles: dict[tuple[Dependency, str], str] = {}
        for dependency in get_args(Dependency):
            metrics.DEGRADED.labels(dependency).set(0)

    def trouble(self, dependency: Dependency, who: str, error: BaseException | str) -> None:
        """Note that `who` cannot reach a dependency."""
        if (dependency, who) not in self._troubles:
            level = logging.ERROR if dependency == "worker" else logging.WARNING
            _log.log(level, "degraded", dependency=dependency, who=who, error=_line(error))
        self._troubles[dependency, who] = _line(error)
        metrics.DEGRADED.labels(dependency).set(1)

    def well(self, dependency: Dependency, who: str) -> None:
        """Note that `who` reaches it (again), or needs it no more."""
        if self._troubles.pop((dependency, who), None) is not None:
            _log.info("recovered", dependency=dependency, who=who)
            metrics.DEGRADED.labels(dependency).set(any(key[0] == dependency for key in self._troubles))

    def forget(self, who: str) -> None:
        """Drop the troubles of somebody who has ended."""
        for dependency in get_args(Dependency):
            self.well(dependency, who)

    def of(self, who: str) -> tuple[Dependency, str] | None:
        """Return the first trouble of somebody: the dependency and a line; None when there is none."""
        return next(((key[0], trouble) for key, trouble in self._troubles.items() if key[1] == who), None)

    def ready(self) -> str | None:
        """Return one line that says what is away, or None."""
        return next((f"{key[0]} ({key[1]}): {trouble}" for key, trouble in self._troubles.items()), None)


def _line(error: BaseException | str) -> str:
    return error if isinstance(error, str) else f"{type(error).__name__}: {error}".splitlines()[0]
