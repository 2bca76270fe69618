"""Feedline's own processes: each is started, asked to stop, killed, frozen, and started again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import orjson

from tests.fleet.load import PATIENCE_S
from tests.worker import Worker

LOGS = Path(__file__).parents[2] / ".local" / "logs" / "fleet"
"""What each process of the last run logged."""


class Role:
    """One process of a role; `name` is told, `module` and its arguments are run."""

    def __init__(self, name: str, module: str, *arguments: str, environment: dict[str, str]) -> None:
        self.name = name
        self._command = (sys.executable, "-m", module, *arguments)
        self._environment = {"PATH": os.environ["PATH"], **environment}
        self.run: Worker | None = None
        self._log = LOGS / f"{name}.log"
        self._log.unlink(missing_ok=True)

    @property
    def running(self) -> Worker:
        """Return the process; there must be one."""
        assert self.run is not None
        return self.run

    async def start(self) -> None:
        """Start it and wait until it says that it is ready."""
        process = await asyncio.create_subprocess_exec(
            *self._command, env=self._environment, stderr=asyncio.subprocess.PIPE, limit=2**24
        )
        self.run = Worker(process)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self.run.event("listening")
                while (await self.run.get("/readyz"))[0] != 200:  # noqa: ASYNC110 - nothing tells
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"{self.name} never became ready: {self.run.events[-5:]}") from None

    async def stop(self) -> None:
        """Ask it to stop; it must end well."""
        status = await self.running.stop()
        assert 0 == status, f"{self.name} ended with {status}: {self.running.events[-5:]}"
        self._keep_log()

    async def kill(self) -> None:
        """Kill it where it stands."""
        await self.running.kill()
        self._keep_log()

    def freeze(self) -> None:
        """Stop the clock for it."""
        self.running.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self.running.process.send_signal(signal.SIGCONT)

    async def end(self) -> None:
        """Clear up, whatever state it is in, and show its log: pytest does when a test has failed."""
        if self.run is None:
            return
        if self.run.process.returncode is None:
            with suppress(ProcessLookupError):
                self.thaw()
            with suppress(TimeoutError):
                await self.run.stop()
        if self.run.process.returncode is None:
            await self.run.kill()
        sys.stderr.writelines(orjson.dumps(event).decode() + "\n" for event in self.run.events[-200:])
        self._keep_log()

    def _keep_log(self) -> None:
        LOGS.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            log.writelines(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE) for event in self.running.events)
        self.run = None
