"""What every fetch is handed: the guard, the limits, a folder, and the clock, chance and sleep that tests replace."""

from __future__ import annotations

import asyncio
import random
import ssl
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from ingest.pull.fetch.guard import Guard
from ingest.pull.fetch.request import Limits
from schemas.settings import Settings


@dataclass(frozen=True, slots=True)
class FetchContext:
    """One for a whole process. `folder` takes the spool files; `tls` verifies servers (None: the system's roots)."""

    guard: Guard = field(default_factory=Guard)
    limits: Limits = field(default_factory=Limits)
    folder: Path = field(default_factory=lambda: Path(tempfile.gettempdir()))
    tls: ssl.SSLContext | None = None
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    jitter: Callable[[], float] = random.random
    now: Callable[[], float] = time.time

    @classmethod
    def of(cls, settings: Settings) -> FetchContext:
        """Return the context that the settings describe; makes the folder."""
        folder = Path(settings.pull_folder or tempfile.gettempdir())
        folder.mkdir(parents=True, exist_ok=True)
        return cls(guard=Guard(settings.pull_allow_networks), limits=Limits.of(settings), folder=folder)
