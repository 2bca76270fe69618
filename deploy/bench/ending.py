"""A benchmark that is asked to stop, by Ctrl-C or by SIGTERM, stops its servers and takes its folders with it."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.postgres import Postgres
from deploy.migrate import migrate

_STOPS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """Make a folder that is gone afterwards, however this ends; SIGTERM is Ctrl-C until then.

    SIGINT counts even where it was ignored, as in what a shell starts behind itself.
    """
    ctrl_c = signal.signal(signal.SIGINT, signal.default_int_handler)
    before = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    folder = Path(tempfile.mkdtemp(prefix=f"feedline-{name}-"))
    try:
        yield folder
    finally:
        with undisturbed():
            shutil.rmtree(folder, ignore_errors=True)
        signal.signal(signal.SIGTERM, before)
        signal.signal(signal.SIGINT, ctrl_c)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let both signals wait; processes that are started here do not get them either."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def migrated_postgres() -> Iterator[Postgres]:
    """Start a private Postgres that forgets when the machine does, migrated; it is gone afterwards."""
    with scratch("bench") as folder:
        server = Postgres(folder / "postgres", durable=False)
        try:
            server.start()
            migrate(server.dsn)
            yield server
        finally:
            server.stop()
            server.close()
