"""How a child process is described and started, wherever it is started: by the supervisor or by the tests.

Every child lives in a session of its own (Ctrl-C reaches the launcher alone, which stops the others in order), gets
its stop signal when the launcher dies, and carries a marker in its environment by which a later start finds what
an earlier one left behind.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import pwd
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

MARKER = "FEEDLINE_STACK"
"""Environment variable whose value names the stack that a process belongs to."""
CHECKOUT = Path(__file__).parents[2]
_PR_SET_PDEATHSIG = 1
_PROC = Path("/proc")
_FIRST_UNPRIVILEGED = 1024
_CHOICE = 12_000
"""How many ports a server's is chosen from, right below those that the kernel lends."""
_START_AGAIN_S = (0.0, 1.0, 3.0)
"""How long before each try to start a server."""


@dataclass(frozen=True, slots=True)
class User:
    """Whom a child runs as when the launcher is root and the program refuses root."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Program:
    """One child process: what to execute, as whom, where its output goes and which signal asks it to stop.

    `descriptors` stay open in the child under their numbers; `log` is appended to.
    """

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    user: User | None = None
    descriptors: tuple[int, ...] = ()
    stdin: int = subprocess.DEVNULL
    directory: Path = CHECKOUT

    def options(self, output: IO[bytes]) -> dict[str, Any]:
        """Return the keyword arguments of `subprocess.Popen` and of `asyncio.create_subprocess_exec`."""
        chosen: dict[str, Any] = {
            "env": dict(self.environment),
            "cwd": "/" if self.user else self.directory,
            "stdin": self.stdin,
            "stdout": output,
            "stderr": subprocess.STDOUT,
            "pass_fds": self.descriptors,
            "start_new_session": True,
            "preexec_fn": _die_with_parent(self.stop_signal),
        }
        if self.user:
            chosen |= {"user": self.user.uid, "group": self.user.gid, "extra_groups": []}
        return chosen


def spawn(program: Program) -> subprocess.Popen[bytes]:
    """Start a program; the caller waits for it."""
    with program.log.open("ab") as output:
        return subprocess.Popen(program.arguments, **program.options(output))  # noqa: S603


def _die_with_parent(stop_signal: signal.Signals) -> Callable[[], None]:
    """Return what a child does before it executes: ask the kernel for its stop signal when its parent dies."""
    prctl = ctypes.CDLL(None).prctl  # loaded before the fork: the child may do next to nothing

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, int(stop_signal))

    return ask


def follow_parent() -> None:
    """Have this process asked to stop (SIGTERM) when its parent dies."""
    _die_with_parent(signal.SIGTERM)()


def unprivileged_user(folder: Path) -> User | None:
    """Return the user for a program that refuses root: the owner of its folder, or else one that the machine has for
    such things. None when this process is not root."""
    if os.geteuid() != 0:
        return None
    if folder.exists() and (owner := folder.stat()).st_uid != 0:
        return User(str(owner.st_uid), owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return User(name, entry.pw_uid, entry.pw_gid)
    raise SystemExit("Postgres refuses to run as root, and this machine has neither a user postgres nor nobody.")


def has_text(path: Path) -> bool:
    """Return whether a file is there and holds something."""
    return path.exists() and bool(path.read_text().strip())


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that was free a moment ago, of those that the kernel lends to nobody who connects: while a server
    is restarted no connection sits on its port. (Where the kernel lends nearly all, it is one of them.) As long as
    this process lives it is drawn by no other: a server may take seconds until it listens."""
    first_lent = int((_PROC / "sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    lowest = first_lent - _CHOICE
    while lowest >= _FIRST_UNPRIVILEGED:
        port = lowest + secrets.randbelow(_CHOICE)
        if is_free(port, host) and _draw(port):
            return port
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        listener.bind((host, 0))
        return int(listener.getsockname()[1])


def _draw(port: int) -> bool:
    """Return whether nobody has drawn a port, which this process then has until it ends."""
    with socket.socket(socket.AF_UNIX) as name:
        try:
            name.bind(f"\0feedline drew port {port}")
        except OSError as error:
            return error.errno != errno.EADDRINUSE  # a sandbox may have no such names: then luck must do
        name.detach()  # stays open; the kernel frees the name with the process
        return True


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Return whether nothing listens there."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError:
            return False
        return True


def marked(marker: str) -> list[int]:
    """Return the live processes (zombies excepted) that carry this marker; the calling process is never one."""
    wanted = f"{MARKER}={marker}".encode()
    found = []
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
    return found


def end_marked(marker: str, *, grace_s: float) -> int:
    """Ask the processes that carry this marker to stop, kill those that are there after the grace; return how many."""
    found = marked(marker)
    for pid in found:
        with contextlib.suppress(OSError):
            # To Postgres SIGTERM means: wait for all sessions to end.
            os.kill(pid, signal.SIGINT if name_of(pid) == "postgres" else signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while marked(marker) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in marked(marker):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(found)


def name_of(pid: int) -> str | None:
    """Return the name of a live process's program; None when there is no such process."""
    try:
        return (_PROC / str(pid) / "comm").read_text().strip()
    except OSError:
        return None


class Server:
    """A private server that is started and stopped in place: the base of Postgres and RabbitMQ.

    `prepare` makes what the server needs on disk, once; `program` says how to start it; `answers` whether it takes
    connections.
    """

    name = "server"

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """Make the server's files; does nothing when they are there."""
        raise NotImplementedError

    def program(self) -> Program:
        """Return how the server is started."""
        raise NotImplementedError

    def answers(self) -> bool:
        """Return whether the server takes connections."""
        raise NotImplementedError

    def prepared(self) -> Program:
        """Make the server's files and return how it is started (for a supervisor)."""
        self.prepare()
        return self.program()

    @property
    def stands(self) -> bool:
        """Return whether the server was started and has not ended since."""
        return self.process is not None and self.process.poll() is None

    def start(self, timeout_s: float = 180) -> None:
        """Prepare and start the server and wait until it answers; raises RuntimeError with its last words.

        One that ends at once is started again: what a killed one leaves for a moment (its sessions' shared memory, its
        name at the name server) goes meanwhile.
        """
        deadline = time.monotonic() + timeout_s
        for delay_s in _START_AGAIN_S:
            self.kill()
            time.sleep(delay_s)
            self.prepare()
            program = self.program()
            self.process = spawn(program)
            if self._answers_by(deadline):
                return
            if self.stands:
                break
        self.kill()
        raise RuntimeError(f"{self.name} did not start; {program.log} ends with:\n{last_lines(program.log)}")

    def _answers_by(self, deadline: float) -> bool:
        while self.stands and time.monotonic() < deadline:
            if self.answers():
                return self.stands
            time.sleep(0.02)
        return False

    def stop(self, timeout_s: float = 60) -> None:
        """Ask the server to stop and wait; kill it when it does not."""
        self._end(self.program().stop_signal, timeout_s)

    def kill(self) -> None:
        """End the server as a crash would."""
        self._end(signal.SIGKILL, 5)

    def _end(self, how: signal.Signals, timeout_s: float) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin:
            with contextlib.suppress(BrokenPipeError):  # what it did not read any more
                process.stdin.close()


def last_lines(log: Path, count: int = 30) -> str:
    """Return the end of a log file, indented."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return "\n".join(f"    {line}" for line in text.splitlines()[-count:])
