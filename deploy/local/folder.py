"""The folder of a local stack (`.local`): its lock, secrets, ports, logs and `stack.json`.

The lock is the kernel's (flock): it goes when the launcher goes, however it goes.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from deploy.local.processes import end_marked, free_port, has_text, is_free

_LOG_BYTES = 16 * 2**20
_STALE_GRACE_S = 8


class AlreadyRunning(Exception):
    """Another launcher runs this folder's stack; the message names it."""


class Incomplete(Exception):
    """A file is missing without which the data beside it cannot be used; the message says what was found."""


_NEEDED = (
    ("postgres/data", "postgres/password"),
    ("rabbitmq/data", "rabbitmq/password"),
    ("postgres/data", "secret-key"),
)
"""Data, and the file that it is of no use without: made anew, it would lock the data up for good."""


class Local:
    """One stack's folder; make it, then `lock` it before anything else is touched."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.logs = self.folder / "logs"
        self._descriptor = -1

    def lock(self, wait_s: float = 20) -> None:
        """Become the one launcher; raises `AlreadyRunning`. Waits for a launcher that is stopping."""
        self.logs.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        self._descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                words = os.pread(self._descriptor, 100, 0).decode().split()
                pid, state = (*words, "", "")[:2]
                # Nothing there: it is just taking the lock, or letting go of it.
                if state not in ("stopping", "") or time.monotonic() > deadline:
                    raise AlreadyRunning(f"Feedline already runs here (launcher: process {pid or '?'}).") from None
                time.sleep(0.1)
        self.note("running")

    def note(self, state: str) -> None:
        """Write for other launchers what this one is doing: running or stopping."""
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()} {state}".encode(), 0)

    def unlock(self) -> None:
        """Let the next launcher in."""
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)

    @property
    def marker(self) -> str:
        """Return what this stack's processes carry in their environment: a copy of the folder has another."""
        place = self.folder.stat()
        return f"{self.secret('marker')}-{place.st_dev}-{place.st_ino}"

    def clean_up(self) -> int:
        """End every process that an earlier launcher left behind, remove its `stack.json`; return how many."""
        (self.folder / "stack.json").unlink(missing_ok=True)
        return end_marked(self.marker, grace_s=_STALE_GRACE_S)

    def check(self) -> None:
        """Raise `Incomplete` when something of an earlier run is lost; nothing is changed."""
        for data, needed in _NEEDED:
            if (self.folder / data).exists() and not has_text(self.folder / needed):
                what = "empty" if (self.folder / needed).exists() else "missing"
                raise Incomplete(
                    f"{self.folder / data} is there, but {self.folder / needed} is {what}. Nothing was changed: "
                    f"put the file back, or move {self.folder} away to begin anew."
                )

    def secret(self, name: str, make: Callable[[], str] = lambda: secrets.token_hex(32)) -> str:
        """Return the secret kept in the file `name` (0600), made at first use."""
        path = self.folder / name
        if not has_text(path):
            self.write(name, make())
        return path.read_text().strip()

    def write(self, name: str, text: str) -> None:
        """Write a file that only its owner can read, at once and whole."""
        draft = self.folder / f"{name}.new"
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(text)
        draft.replace(self.folder / name)

    def port(self, name: str) -> int:
        """Return the port that `name` had before when it is free, or else another that is."""
        path = self.folder / "ports.json"
        ports: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
        if name not in ports or not is_free(ports[name]):
            taken = set(ports.values())
            ports[name] = next(port for port in iter(free_port, None) if port not in taken)
            self.write("ports.json", json.dumps(ports, indent=2) + "\n")
        return ports[name]

    def log(self, name: str) -> Path:
        """Return the log file of a process."""
        return self.logs / f"{name}.log"

    def rotate(self, most_bytes: int = _LOG_BYTES) -> None:
        """Put large logs aside as `NAME.log.1`, while their processes go on writing.

        They append to an open file, so it is copied and cut to nothing: what is written in between, a few lines at
        most, is lost. Where there is no room for the copy, it is left out: such a disk needs the room.
        """
        for path in self.logs.glob("*.log"):
            if path.stat().st_size > most_bytes:
                aside = path.with_suffix(".log.1")
                aside.unlink(missing_ok=True)
                with suppress(OSError):
                    shutil.copyfile(path, aside)
                os.truncate(path, 0)

    def publish(self, stack: dict[str, Any]) -> None:
        """Write `stack.json`."""
        self.write("stack.json", json.dumps(stack, indent=2) + "\n")

    def withdraw(self) -> None:
        """Remove `stack.json`."""
        (self.folder / "stack.json").unlink(missing_ok=True)
