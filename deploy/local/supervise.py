"""Keep one child process alive: start it, wait until it is ready, start it again with back-off when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from dataclasses import dataclass

from deploy.local.processes import Program
from schemas.backoff import delay_s

_FIRST_DELAY_S, _LONGEST_DELAY_S = 0.25, 10.0
STEADY_S = 15.0
"""A child that lived this long is healthy: its next end is a first one again."""
HOPELESS = 4
"""Ends in a row, without having been ready, after which whoever waits for the child is told not to."""
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Events:
    """What the owner of children wants to hear."""

    notice: Callable[[str], None]
    """One line for people."""
    changed: Callable[[], None]
    """A child's process was started or has ended."""


class Child:
    """One supervised process. `make` prepares its files and returns its program (called before each start, off the
    event loop); `answers` tells whether it is ready (the same). A program with a pipe for standard input holds until
    `go` is set: its standard input is closed then."""

    def __init__(self, name: str, make: Callable[[], Program], answers: Callable[[], bool], events: Events) -> None:
        self.name = name
        self.go = asyncio.Event()
        self.ready = asyncio.Event()
        self.hopeless = asyncio.Event()
        self.last_end = ""
        self._make = make
        self._answers = answers
        self._events = events
        self._process: asyncio.subprocess.Process | None = None
        self._stop_signal = signal.SIGTERM
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Return the live process's id; None between an end and the next start."""
        return self._process.pid if self._process and self._process.returncode is None else None

    def start(self) -> None:
        """Start and from now on keep it running."""
        self._task = asyncio.create_task(self._keep(), name=self.name)

    async def stop(self, grace_s: float) -> bool:
        """End it for good; return False when it had to be killed."""
        process, task = self._process, self._task
        self._task = None
        if task:
            task.cancel()
            await asyncio.wait([task])
        process = self._process or process
        if process is None or process.returncode is not None:
            return True
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(self._stop_signal)
        try:
            await asyncio.wait_for(process.wait(), grace_s)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            return False
        return True

    async def wait_ready(self) -> None:
        """Wait until it is ready; raises RuntimeError with how it ended when it ends again and again before that."""
        waits = [asyncio.create_task(event.wait()) for event in (self.ready, self.hopeless)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if not self.ready.is_set():
            raise RuntimeError(f"{self.name} {self.last_end}")

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            started = loop.time()
            try:
                ended = await self._once()
            except Exception as error:  # noqa: BLE001 - a full disk, a broken file: whatever it is, it is tried again
                ended = f"cannot be started ({error})"
                await self._end_for_good()
            self._process = None
            self.last_end = ended
            if not self.ready.is_set() and failures + 1 >= HOPELESS:
                self.hopeless.set()
            self.ready.clear()
            self._tell_owner()
            failures = 1 if loop.time() - started > STEADY_S else failures + 1
            wait_s = delay_s(failures - 1, _FIRST_DELAY_S, _LONGEST_DELAY_S, jitter=1)
            self._events.notice(f"{self.name} {ended}; it is started again in {wait_s:g} s")
            await asyncio.sleep(wait_s)

    async def _once(self) -> str:
        """Run the process once; return how it ended."""
        program = await asyncio.to_thread(self._make)
        with program.log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(*program.arguments, **program.options(output))
        self._process, self._stop_signal = process, program.stop_signal
        self._tell_owner()
        waiting = asyncio.create_task(self._wait_ready(process))
        try:
            code = await process.wait()
        finally:
            waiting.cancel()
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"ended with exit code {code} (see {program.log})"

    def _tell_owner(self) -> None:
        """Say that something changed; an owner who cannot write it down (a full disk) is no reason to stop."""
        try:
            self._events.changed()
        except OSError as error:
            self._events.notice(f"{self.name}: its state cannot be written down ({error})")

    async def _end_for_good(self) -> None:
        """Kill the process of a start that failed half way: it must not be there twice."""
        process = self._process
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()

    async def _wait_ready(self, process: asyncio.subprocess.Process) -> None:
        if process.stdin:
            await self.go.wait()
            process.stdin.close()
        while not await asyncio.to_thread(self._answers):  # noqa: ASYNC110 - another process has no event to wait for
            await asyncio.sleep(_POLL_S)
        self.ready.set()
        self.hopeless.clear()
