"""Processes of Feedline's roles that are forked from warm ones: to load what a role needs takes longer than most tests.

What is forked is a role's own `main`, with an environment and an argument list of its own: a process to be killed,
frozen and asked to stop as any. That a role starts from nothing is seen by the tests of the stack and of the whole
system, and by those of what a process says that does not start.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module

import orjson

from ingest.pull.parse.process.forks import STATUS_BYTES, ForkServer

_COMMANDS = ("dead_letters", "probe", "queues", "run", "shards", "top", "trace")
_LOADED = {
    ("workers",): ("workers.__main__",),
    ("workers", "watch"): ("workers.__main__", "workers.watch.main"),
    ("ingest", "api"): ("ingest.__main__", "ingest.api.main"),
    ("ingest", "edge"): ("ingest.__main__", "ingest.edge.main"),
    ("ingest", "pull"): ("ingest.__main__", "ingest.pull.main"),
    ("feedline",): ("deploy.command.main", *(f"deploy.command.{name}" for name in _COMMANDS)),
}
"""What a role loads; and the command line."""
_LENGTH_BYTES = 4
_FOREVER_MS = 2**31 - 1
_LINE_BYTES = 2**24


class Process:
    """A process of a role: of asyncio's processes what tests need."""

    def __init__(self, pid: int, life: socket.socket, stderr: asyncio.StreamReader) -> None:
        self.pid, self.stderr = pid, stderr
        self.returncode: int | None = None
        self._ended = asyncio.create_task(self._wait(life))

    def send_signal(self, number: int) -> None:
        """Send a signal; does nothing when it has ended."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it as a crash would."""
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """Wait for its end; returns its exit status, negative for the signal that ended it."""
        return await asyncio.shield(self._ended)

    async def _wait(self, life: socket.socket) -> int:
        with life:
            self.returncode = await _number(life)
        return self.returncode


class Warm:
    """Starts processes of roles: `("workers",)`, `("ingest", "edge")`. `close` ends them all."""

    def __init__(self) -> None:
        self._controls: dict[tuple[str, ...], socket.socket] = {}
        self._servers: list[asyncio.subprocess.Process] = []
        self._starting = asyncio.Lock()

    async def feedline(self, environment: Mapping[str, str], *arguments: str) -> tuple[int, str]:
        """Run a command; returns its exit status and what it wrote."""
        process = await self.start(("feedline",), environment, *arguments)
        told = await process.stderr.read()
        return await process.wait(), told.decode()

    async def start(self, role: tuple[str, ...], environment: Mapping[str, str], *arguments: str) -> Process:
        """Start a process of a role with these variables alone; `stderr` of it has all that it writes."""
        async with self._starting:
            if role not in self._controls:
                self._controls[role] = await self._server(role)
        ours, theirs = socket.socketpair()
        reading, writing = os.pipe()
        with theirs:
            socket.send_fds(self._controls[role], [b"w"], [writing, theirs.fileno()])
        os.close(writing)
        ours.setblocking(False)
        stderr, loop = asyncio.StreamReader(limit=_LINE_BYTES), asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stderr), os.fdopen(reading, "rb", 0))
        job = orjson.dumps([(*role, *arguments), dict(environment)])
        await loop.sock_sendall(ours, len(job).to_bytes(_LENGTH_BYTES) + job)
        return Process(await _number(ours), ours, stderr)

    async def close(self) -> None:
        """End what was started, and the warm processes."""
        for control in self._controls.values():
            control.close()
        for server in self._servers:
            await server.wait()

    async def _server(self, role: tuple[str, ...]) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            arguments = ("-m", "tests.warm", str(theirs.fileno()), *_LOADED[role])
            self._servers.append(
                await asyncio.create_subprocess_exec(sys.executable, *arguments, pass_fds=(theirs.fileno(),))
            )
        return ours


async def _number(life: socket.socket) -> int:
    """Return the next number that is told over a socket."""
    told = await asyncio.get_running_loop().sock_recv(life, STATUS_BYTES)
    assert len(told) == STATUS_BYTES, "the warm process has died"
    return int.from_bytes(told, signed=True)


def _become(stderr: int, life: socket.socket) -> None:
    """Be a process of a role, until it ends."""
    with life, life.makefile("rb") as told:
        words, environment = orjson.loads(told.read(int.from_bytes(told.read(_LENGTH_BYTES))))
        os.environ.clear()
        os.environ.update(environment)
        for written in (1, 2):
            os.dup2(stderr, written)
        os.close(stderr)
        sys.stdout = os.fdopen(1, "w", closefd=False)  # the old one believes that it has its file, and can seek in it
        life.send(os.getpid().to_bytes(STATUS_BYTES, signed=True))
    sys.argv, program = words, words[0]
    main = import_module("deploy.command.main" if program == "feedline" else f"{program}.__main__").main
    try:
        status = main(words[1:]) if program == "ingest" else main()
    except SystemExit as end:
        status = end.code
    if isinstance(status, str):  # as the interpreter does at its end
        sys.stderr.write(f"{status}\n")
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status or 0)


if __name__ == "__main__":
    for loaded in sys.argv[2:]:
        import_module(loaded)
    ForkServer(socket.socket(fileno=int(sys.argv[1])), _become, _FOREVER_MS).serve()
