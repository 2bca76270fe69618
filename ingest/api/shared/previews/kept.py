"""Files kept for a while after they were fetched, so that settings can be tried on them without fetching again.

They lie in one folder, the oldest removed first, at most `KEPT_S` old, within a quota for all and one an account. What
is gone is fetched again; an upload that is gone must be sent again.
"""

from __future__ import annotations

import os
import re
import secrets
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from ingest.pull.fetch import Fetched

KEPT_S = 900
MAX_BYTES, MAX_BYTES_ACCOUNT, MAX_FILES_ACCOUNT = 2 << 30, 512 << 20, 10
_NAME = re.compile(r"(\d+)-[0-9a-f]{32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    account_id: int
    bytes: int
    at: float


class KeptFiles:
    """The kept files of one API process. Its methods block."""

    def __init__(self, folder: str) -> None:
        """`folder` is the puller's; empty: the system's own."""
        self._folder = Path(folder or tempfile.gettempdir()) / "feedline-previews"

    def keep(self, account_id: int, fetched: Fetched) -> str:
        """Take a fetched file over and return its name; older files make room."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{account_id}-{secrets.token_hex(16)}"
        os.replace(fetched.path, self._folder / name)  # noqa: PTH105 - atomic, over what may be there
        self.tidy(time.time(), name)
        return name

    def path(self, account_id: int, name: str | None) -> Path | None:
        """Return a kept file of the account; None when it is not here any more."""
        found = _NAME.fullmatch(name or "")
        if found is None or int(found[1]) != account_id:
            return None
        path = self._folder / found[0]
        if not path.exists() or path.stat().st_mtime < time.time() - KEPT_S:
            return None
        return path

    def touch(self, path: Path) -> None:
        """Keep a file that is being worked with for another while."""
        path.touch()

    def tidy(self, now: float, newest: str = "") -> None:
        """Remove what is too old, and the oldest beyond the quotas; `newest` stays."""
        files = sorted(self._files(), key=lambda file: -file.at)
        total, by_account, counts = 0, dict[int, int](), dict[int, int]()
        for file in sorted(files, key=lambda file: file.path.name != newest):
            total += file.bytes
            by_account[file.account_id] = by_account.get(file.account_id, 0) + file.bytes
            counts[file.account_id] = counts.get(file.account_id, 0) + 1
            full = (
                total > MAX_BYTES
                or by_account[file.account_id] > MAX_BYTES_ACCOUNT
                or counts[file.account_id] > MAX_FILES_ACCOUNT
            )
            if file.path.name != newest and (full or file.at < now - KEPT_S):
                file.path.unlink(missing_ok=True)

    def _files(self) -> list[_File]:
        found = []
        for path in self._folder.iterdir():
            match = _NAME.fullmatch(path.name)
            if match:
                state = path.stat()
                found.append(_File(path, int(match[1]), state.st_size, state.st_mtime))
        return found
