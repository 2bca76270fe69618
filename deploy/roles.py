"""The processes of a stack beside its servers, in one table: a new role is one line here."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

from schemas.settings import Settings


@dataclass(frozen=True, slots=True)
class Role:
    """How one role is started and how many processes it has.

    `intake` roles take new work in: they stop first, so that the others drain what is there.
    """

    name: str
    label: str
    module: str
    arguments: tuple[str, ...]
    count: Callable[[Settings], int]
    intake: bool = True

    def exists(self) -> bool:
        """Return whether this checkout has the role."""
        return find_spec(self.module) is not None

    def command(self) -> tuple[str, ...]:
        """Return the command line of one process, to be run in the checkout's folder."""
        return (sys.executable, "-m", *self.arguments)


ROLES = (
    Role("edge", "Edge", "ingest.edge.main", ("ingest", "edge"), lambda settings: settings.edge_processes),
    Role("api", "API", "ingest.api.main", ("ingest", "api"), lambda _: 1),
    Role("pull", "Puller", "ingest.pull.main", ("ingest", "pull"), lambda settings: settings.pull_processes),
    Role("workers", "Workers", "workers.__main__", ("workers",), lambda settings: settings.worker_processes, False),
)
