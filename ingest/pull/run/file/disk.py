"""Trouble with this machine's own disk: full, broken, or a file of ours gone. Not to be taken for Postgres being away.

A socket's errors are `OSError`s too, so those of files become an error of their own where files are touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from schemas.errors import Transient


class DiskTrouble(Transient):
    """The puller's disk took no more, or lost what it was given."""

    code = "disk"


@contextmanager
def on_disk() -> Iterator[None]:
    """Turn what the disk raises inside into `DiskTrouble`."""
    try:
        yield
    except (ConnectionError, TimeoutError):
        raise
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise DiskTrouble(f"the puller's disk: {reason}. The operator has to look at PULL_FOLDER") from None
