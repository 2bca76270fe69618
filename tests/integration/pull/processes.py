"""A puller as a process of its own."""

import asyncio

import orjson

TIMEOUT_S = 120


class Process:
    """A puller as a process of its own."""

    def __init__(self, process):
        self.process = process
        self.events = []

    async def event(self, name):
        """Wait until it has logged this event."""
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                line = await self.process.stderr.readline()
                assert line, f"ended without {name}: {self.events}"
                self.events.append(orjson.loads(line))
                if self.events[-1]["event"] == name:
                    return self.events[-1]

    async def end(self, number):
        """Send a signal; return the exit code."""
        self.process.send_signal(number)
        await self.process.stderr.read()
        return await self.process.wait()
