"""The puller's composition root: `python -m ingest pull`. It opens the sockets and hands them down.

SIGTERM: takes no more runs, lets those in hand finish for half of the stop time, hands the others back, closes.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from ingest.amqp.publish import Publisher
from ingest.amqp.publishing import publisher as publisher_of
from ingest.http.serving import announce, monitored, stop_signals
from ingest.pull.fetch import FetchContext
from ingest.pull.parse.process.files import FileParser
from ingest.pull.parse.process.parsers import Parsers
from ingest.pull.run.carrier import Carrier
from ingest.pull.run.ending import Closer
from ingest.pull.run.file.make import FileMaker
from ingest.pull.run.run import Runner
from ingest.pull.run.scheduler import Scheduler
from ingest.pull.run.store import Store
from schemas.errors import Permanent
from schemas.logs import structlog
from schemas.postgres import Session, json_values
from schemas.secrets import Vault
from schemas.settings import Settings, process_name

_log = structlog.get_logger()
_CONNECT_TIMEOUT_S = 5.0
_QUERY_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Puller:
    """A puller's parts, connected."""

    scheduler: Scheduler
    publisher: Publisher
    store: Store


async def main(settings: Settings) -> None:
    """Pull until SIGTERM or SIGINT."""
    stop = stop_signals()
    async with connected(settings) as puller, _monitored(settings, puller):
        tasks = [
            asyncio.create_task(puller.scheduler.run(), name="scheduler"),
            asyncio.create_task(puller.scheduler.wake.listen(settings.dsn), name="listener"),
            asyncio.create_task(puller.publisher.watch(), name="publisher watch"),
            asyncio.create_task(stop.wait(), name="stop"),
        ]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        _log.info("stopping")
        await puller.scheduler.drain(settings.stop_timeout_ms / 2000)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for task in done:
            task.result()  # a dead background task ends the process with its error


@asynccontextmanager
async def connected(
    settings: Settings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> AsyncIterator[Puller]:
    """Open what a puller needs; it starts while Postgres or the broker is away."""
    folder = private_folder(settings)
    context = replace(FetchContext.of(settings), folder=folder)
    async with (
        open_pool(settings) as pool,
        publisher_of(settings, process_name("pull")) as publisher,
        Parsers() as parsers,
    ):
        store = Store(pool, uuid.uuid4())
        files = FileMaker(store, context, folder, FileParser(settings, parsers))
        runner = Runner(settings, store, publisher, files)
        carrier = Carrier(store, runner, Closer(store, settings, clock), Vault(*settings.keys), folder)
        yield Puller(Scheduler(settings, store, carrier, clock), publisher, store)


def private_folder(settings: Settings) -> Path:
    """Return the folder for files being pulled, made if need be; raises `Permanent` when it is not ours alone.

    Pullers of one system on one machine share it, to resume each other's runs; those of another system, whose runs
    have the same ids, do not, and no other user can lay files there for us to read.
    """
    system = hashlib.blake2b(settings.dsn.encode(), digest_size=8, key=settings.key[:64]).hexdigest()
    folder = Path(settings.pull_folder or tempfile.gettempdir()) / f"feedline-{system}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise Permanent(f"PULL_FOLDER: {folder} is not a folder that this user alone can enter")
    return folder


def open_pool(settings: Settings) -> asyncpg.Pool:
    """Return the puller's pool: a connection for each run, for its lease, and for the scheduler."""
    most = 2 * settings.pull_concurrency + 2
    return Session(process_name("pull")).pool(
        settings.dsn, most=most, command_timeout=_QUERY_TIMEOUT_S, init=json_values
    )


@asynccontextmanager
async def _monitored(settings: Settings, puller: Puller) -> AsyncIterator[None]:
    def ready() -> str | None:
        return puller.scheduler.trouble or puller.publisher.ready()

    async with monitored(settings, alive=puller.scheduler.alive, ready=ready) as url:
        announce(monitor=url)
        yield
