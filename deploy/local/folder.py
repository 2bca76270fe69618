"""The folder of a local stack (`.local`): its lock, secrets, ports, logs and `stack.json`.

The lock is the kernel's (flock): it goes when the launcher goes, however it goes.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deploy.local.processes import end_marked, free_port, is_free

_LOG_BYTES = 16 * 2**20
_STALE_GRACE_S = 8


class AlreadyRunning(Exception):
    """Another launcher runs this folder's stack; the message names it."""


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

    def secret(self, name: str, make: Callable[[], str] = lambda: secrets.token_hex(32)) -> str:
        """Return the secret kept in the file `name` (0600), made at first use."""
        path = self.folder / name
        if not path.exists() or not path.read_text().strip():
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
        """Return the log file of a process; a large one is put aside as `NAME.log.1`."""
        path = self.logs / f"{name}.log"
        if path.exists() and path.stat().st_size > _LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        return path

    def publish(self, stack: dict[str, Any]) -> None:
        """Write `stack.json`."""
        self.write("stack.json", json.dumps(stack, indent=2) + "\n")

    def withdraw(self) -> None:
        """Remove `stack.json`."""
        (self.folder / "stack.json").unlink(missing_ok=True)
