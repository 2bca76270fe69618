"""The processes of a stack beside its servers, in one table: a new role is one line here."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

from schemas.settings import Settings


@dataclass(frozen=True, slots=True)
class Role:
    """How one role is started and how many processes it has.

    `module` is what takes time to load. `intake` roles take new work in: they stop first, so that the others drain
    what is there.
    """

    name: str
    label: str
    module: str
    arguments: tuple[str, ...]
    count: Callable[[Settings], int]
    intake: bool = True

    def command(self) -> tuple[str, ...]:
        """Return the command line of one process, to be run in the checkout's folder: it holds until told to go."""
        return (sys.executable, "-m", "deploy.local.held", self.module, *self.arguments)


ROLES = (
    Role("edge", "Edge", "ingest.edge.main", ("ingest", "edge"), lambda settings: settings.edge_processes),
    Role("api", "API", "ingest.pages.main", ("ingest", "api"), lambda _: 1),
    Role("pull", "Puller", "ingest.pull.main", ("ingest", "pull"), lambda settings: settings.pull_processes),
    Role("deliver", "Deliverer", "ingest.deliver.main", ("ingest", "deliver"), lambda _: 1, False),
    Role("vendor", "Demo vendor", "aioftp", ("deploy.demo.vendor",), lambda _: 1, False),
    Role("workers", "Workers", "workers.service", ("workers",), lambda settings: settings.worker_processes, False),
    Role("watch", "Watcher", "workers.watch.main", ("workers", "watch"), lambda _: 1, False),
)
