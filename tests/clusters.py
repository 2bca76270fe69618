"""A Postgres cluster with a migrated database to copy from: made once for as long as nothing of it changes, and copied.

To make one takes three seconds of each process that tests run in; to copy its files a tenth of one.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import psycopg

import deploy
from deploy import indexes, migrate
from deploy.local import postgres
from deploy.local.postgres import Postgres, programs
from deploy.local.processes import CHECKOUT
from workers.duties import partitions

TEMPLATE = "template_feedline"
_KEPT = CHECKOUT / ".local" / "tests"
_USERS = Path(deploy.__file__).parent / "users" / "postgres.sql"


def copy_to(folder: Path, environment: dict[str, str]) -> None:
    """Put the files of a cluster with the template into a folder that is not there; make them first if need be."""
    _KEPT.mkdir(parents=True, exist_ok=True)
    kept = _KEPT / f"postgres-{_version()}"
    with _alone():
        if not kept.exists():
            for old in _KEPT.glob("postgres-*"):
                shutil.rmtree(old)
            _make(kept, environment)
        subprocess.run(["cp", "--archive", kept, folder], check=True)


def make_template(server: Postgres) -> None:
    """Make a database to copy from, as upkeep leaves it: migrated, with the partitions of the days around today."""
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {TEMPLATE}")
    dsn = server.dsn_of(TEMPLATE)
    migrate.migrate(dsn)
    password = urlsplit(dsn).password
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(_USERS.read_text())
        for (name,) in connection.execute("SELECT rolname FROM pg_roles WHERE rolname ~ '^feedline_'").fetchall():
            connection.execute(f"ALTER ROLE {name} PASSWORD '{password}'")

    async def make_partitions() -> None:
        connection = await asyncpg.connect(dsn)
        for table in (partitions.RECEIPTS, partitions.EVENTS, partitions.FEED_MINUTES):
            await partitions.keep(connection, datetime.now(UTC), days=7, table=table)
        await connection.close()

    asyncio.run(make_partitions())


def _make(kept: Path, environment: dict[str, str]) -> None:
    draft = _KEPT / "postgres-draft"
    server = Postgres(draft, environment, durable=False)
    server.start()
    make_template(server)
    server.stop()
    server.close()
    (draft / "log").unlink()
    draft.rename(kept)


def _version() -> str:
    """Return what tells a cluster from one that is made otherwise, or on another day."""
    told = hashlib.sha256(f"{datetime.now(UTC).date()} {(programs() / 'postgres').stat().st_mtime_ns}".encode())
    made_by = Path(__file__), Path(postgres.__file__), Path(indexes.__file__), Path(migrate.__file__), _USERS
    upkeep = Path(partitions.__file__), Path(partitions.__file__).with_name("upkeep.sql")
    for path in (*made_by, *upkeep, *sorted(migrate.MIGRATIONS.glob("*.sql"))):
        told.update(path.read_bytes())
    return told.hexdigest()[:16]


@contextmanager
def _alone() -> Iterator[None]:
    """Of all processes on this checkout."""
    with (_KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
