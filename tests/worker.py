"""A worker process and what it says."""

from __future__ import annotations

import asyncio
import re
import signal
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterable
from typing import Any

import orjson

from tests.waiting import TIMEOUT_S, until
from tests.warm import Process


class Worker:
    """One `python -m workers`; its log lines are kept as they come."""

    def __init__(self, process: Process | asyncio.subprocess.Process) -> None:
        self.process = process
        self.events: list[dict[str, Any]] = []
        self.id = uuid.UUID(int=0)
        self._changed = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def event(self, name: str, **values: Any) -> dict[str, Any]:
        """Wait until an event has been logged (it may have been already)."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                while True:
                    for event in self.events:
                        if event.get("event") == name and values.items() <= event.items():
                            return event
                    assert not self._reading.done(), f"ended without {name} {values}: {self.events[-20:]}"
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"never {name} {values}: {self.events[-20:]}") from None

    def logged(self, name: str) -> list[dict[str, Any]]:
        """Return the events of a name so far."""
        return [event for event in self.events if event.get("event") == name]

    async def ended(self) -> int:
        """Wait for the process to end; returns its exit code."""
        async with asyncio.timeout(TIMEOUT_S):
            await self._reading
            return await self.process.wait()

    async def stop(self) -> int:
        """Stop it gracefully; returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await self.ended()

    async def kill(self) -> None:
        """Kill it where it stands."""
        self.process.kill()
        await self.ended()

    async def get(self, path: str) -> tuple[int, str]:
        """Return status and body of a monitor endpoint."""
        url = (await self.event("listening"))["monitor"] + path

        def fetch() -> tuple[int, str]:
            try:
                with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, error.read().decode()

        return await asyncio.to_thread(fetch)

    async def metric(self, name: str) -> float:
        """Return the value of a metric, as it stands in /metrics; the sum over its labels when `name` has none."""
        _, text = await self.get("/metrics")
        assert re.search(rf"^# HELP {re.escape(name.partition('{')[0])}", text, re.MULTILINE)
        labels = "" if "{" in name else r"(?:\{.*\})?"
        found = re.findall(rf"^{re.escape(name)}{labels} (\S+)$", text, re.MULTILINE)
        return sum(map(float, found))

    async def _read(self) -> None:
        async for line in self.process.stderr:
            try:
                event = orjson.loads(line)
            except orjson.JSONDecodeError:
                event = {"event": line.decode()}
            self.events.append(event)
            self._changed.set()
        self._changed.set()

    async def answers(self, path: str, status: int) -> str:
        """Wait until a monitor endpoint answers with this status; returns its body."""
        seen = None

        async def answered() -> bool:
            nonlocal seen
            seen = await self.get(path)
            return seen[0] == status

        await until(answered, lambda: f"{path} with {status}: {seen}")
        assert seen is not None
        return seen[1]

    async def counts(self, name: str, value: float) -> None:
        """Wait until a metric has this value."""
        seen = None

        async def counted() -> bool:
            nonlocal seen
            seen = await self.metric(name)
            return seen == value

        await until(counted, lambda: f"{name} of {value}: {seen}")


async def first_of(workers: Iterable[Worker], event: str, **values: Any) -> Worker:
    """Wait until one of the workers has logged an event; return that one."""
    told = {asyncio.create_task(worker.event(event, **values)): worker for worker in workers}
    done, waiting = await asyncio.wait(told, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    first = done.pop()
    first.result()
    return told[first]
