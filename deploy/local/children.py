"""The stack's child processes, by role: started, waited for and stopped together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

from deploy.local.addresses import Refused
from deploy.local.processes import Program
from deploy.local.screen import Screen, listed
from deploy.local.supervise import Child, Events

_START_S = 90


class Children:
    """Supervised processes of each role; `logs` is where a person reads why one does not start.

    `changed` is called when a process was started or has ended.
    """

    def __init__(self, screen: Screen, logs: Path, changed: Callable[[], None]) -> None:
        self._screen = screen
        self._logs = logs
        self._events = Events(notice=screen.notice, changed=changed)
        self._of: dict[str, list[Child]] = {}

    def __getitem__(self, role: str) -> list[Child]:
        """Return a role's children; none of one that was not started."""
        return self._of.get(role, [])

    def add(self, role: str, name: str, make: Callable[[], Program], answers: Callable[[], bool]) -> None:
        """Start a child of a role; `make` and `answers` are the `Child`'s."""
        child = Child(name, make, answers, self._events)
        self._of.setdefault(role, []).append(child)
        child.start()

    async def wait_ready(self, role: str, label: str) -> None:
        """Wait until a role's children are ready; raises `Refused`, with its `label`, when they do not get so."""
        try:
            async with asyncio.timeout(_START_S):
                for child in self[role]:
                    await child.wait_ready()
        except RuntimeError as error:
            raise Refused(f"{label} does not start: {error}") from None
        except TimeoutError:
            raise Refused(f"{label}: not ready after {_START_S} s; see {self._logs}") from None

    def pids(self, roles: Iterable[str]) -> dict[str, list[int]]:
        """Return role → live processes, of these roles and of all that were started."""
        return {role: [child.pid for child in self[role] if child.pid] for role in [*roles, *self._of]}

    async def stop(self, roles: Iterable[str], share_s: float) -> None:
        """Stop the children of these roles at once, each within so many seconds; those that take longer are killed."""
        children = [child for role in roles for child in self[role]]
        stopped = await asyncio.gather(*(child.stop(share_s) for child in children))
        for child, in_time in zip(children, stopped, strict=True):
            if not in_time:
                self._screen.notice(f"{child.name} did not stop within {share_s:g} s and was killed")
        if children:
            self._screen.done("Stopped", listed(child.name for child in children))

    def __bool__(self) -> bool:
        """Return whether anything was started."""
        return bool(self._of)
