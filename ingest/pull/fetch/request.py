"""What a fetch is asked, what it is handed, and what it answers.

All but the context are plain values, which can go to another process.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ingest.feeds.locations import Location, masked, parse
from ingest.pull.fetch.errors import FetchCode, FetchError
from ingest.pull.fetch.guard import Guard
from schemas.settings import Settings


@dataclass(frozen=True, slots=True)
class Validators:
    """What the server said of the last good fetch, to be given with the next one.

    Keep them with the feed, and drop them when its location, mapping or format changes: `NotModified` means that the
    bytes are the same, not that they would be read the same way. `content_hash` is the SHA-256 of the bytes as they
    were transferred, in hex. `size` serves FTP, which has no other way to tell.
    """

    etag: str | None = None
    last_modified: str | None = None
    content_hash: str | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True, repr=False)
class FetchRequest:
    """One resource to fetch. `location` is the feed's address with its credentials (RFC 1738).

    `authentication_token` and `authentication_secret` are sent over HTTP as `ingest.pull.fetch.http_rules` says.
    """

    location: str
    authentication_token: str | None = None
    authentication_secret: str | None = None
    validators: Validators = field(default_factory=Validators)
    accept: str = "*/*"
    keep_short: bool = False
    """Whether a file that ends before its declared length, in every attempt, is returned as `short` and not refused,
    and one that differs from the server's checksum as one that `differs`.
    """

    def place(self) -> Location:
        """Return the parts of its address; raises `FetchError` (`location`)."""
        try:
            return parse(self.location)
        except ValueError as error:
            raise FetchError(FetchCode.LOCATION, str(error)) from None

    def __repr__(self) -> str:
        return f"FetchRequest({masked(self.location)})"


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a fetch goes. Times in milliseconds, sizes in bytes."""

    connect_timeout_ms: int = 10_000
    read_timeout_ms: int = 60_000
    total_timeout_ms: int = 3_600_000
    max_bytes: int = 2 * 2**30
    max_redirects: int = 5
    attempts: int = 4
    max_pages: int = 1_000

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """Return the limits that the settings give."""
        return cls(
            connect_timeout_ms=settings.pull_connect_timeout_ms,
            read_timeout_ms=settings.pull_read_timeout_ms,
            total_timeout_ms=settings.pull_total_timeout_ms,
            max_bytes=settings.pull_max_bytes,
            max_redirects=settings.pull_max_redirects,
            attempts=settings.pull_attempts,
            max_pages=settings.pull_max_pages,
        )


@dataclass(frozen=True, slots=True)
class FetchContext:
    """One for a whole process: the guard, the limits, and the clock, chance and sleep that tests replace.

    `folder` takes the spool files; `tls` verifies servers (None: the system's roots).
    """

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


@dataclass(frozen=True, slots=True)
class Fetched:
    """A resource that lies in a spool file, as it was transferred: read it with `open_content`.

    The file is the caller's to delete (`discard`). `size` is what lies in the file, `declared_length` what the server
    said (they agree, or the fetch would have failed); `content_type` is in lower case without parameters; `charset` is
    the declared one; `headers` have lower-case names and hold no cookies.
    """

    path: Path
    size: int
    content_hash: str
    validators: Validators
    url: str
    """Where it came from after redirects, masked."""
    declared_length: int | None = None
    content_type: str | None = None
    charset: str | None = None
    content_encoding: str | None = None
    resumed: int = 0
    """How many times a broken transfer was continued instead of begun again."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    proven: bool = True
    """Whether the transfer itself proves that all came: a length that agrees, chunks with an end, a closing reply."""
    short: bool = False
    """It ended before the length that the server declared (only when `FetchRequest.keep_short` asked for it)."""
    differs: str | None = None
    """The header whose checksum is not that of the file (likewise)."""

    def discard(self) -> None:
        """Delete the spool file."""
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class NotModified:
    """The resource is what it was at the last fetch; `by` says who found so: the server, or the same content hash."""

    validators: Validators
    by: str
