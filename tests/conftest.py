"""Fixtures for every test: one private Postgres and one private RabbitMQ a process, which look as if they were new."""

from __future__ import annotations

import gc
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import psycopg
import pytest
from pydantic import SecretStr
from xdist.scheduler import LoadFileScheduling

from deploy.local.postgres import Postgres
from deploy.local.processes import MARKER, Server
from deploy.local.rabbitmq import RabbitMQ
from schemas.settings import Settings
from tests import properties  # noqa: F401 - its profiles
from tests.clusters import copy_to
from tests.databases import Databases
from tests.vhosts import VirtualHosts

_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 4 * 2**30
_NODE = pytest.StashKey[RabbitMQ]()
AnyServer = TypeVar("AnyServer", bound=Server)


@pytest.fixture(scope="session")
def _marker() -> dict[str, str]:
    return {MARKER: f"tests-{secrets.token_hex(8)}"}


def pytest_configure() -> None:
    """The tests' Postgres speaks no TLS: not to ask for it, nor make ready for it, spares a third of a client's part in
    a new session."""
    os.environ.setdefault("PGSSLMODE", "disable")


def pytest_collection() -> None:
    """What modules and their tests' cases make stays until the end: the collector need not walk it again and again."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Nor in every test."""
    gc.freeze()
    gc.enable()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes that nobody can read name no test: a packed file holds the time of its packing, another in each process."""
    if isinstance(val, bytes) and not (val.isascii() and val.decode().isprintable()):
        return argname
    return None


class WholeFiles(LoadFileScheduling):
    """Hands out whole files; the acceptance tests go to one process, which starts the system once for all."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "acceptance" if file.startswith("tests/acceptance/") else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> WholeFiles | None:
    """Of `--dist=loadfile`."""
    return WholeFiles(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Start the node again before a test of it, which may use it without a virtual host of its own."""
    node = item.config.stash.get(_NODE, None)
    if node is not None and "rabbitmq" in getattr(item, "fixturenames", ()):
        _begun_anew(node)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """End the node that a failed test had: it may stand and be of no use any more. The next test starts it again."""
    report = yield
    node = getattr(item, "funcargs", {}).get("rabbitmq")
    if report.failed and node is not None:
        node.kill()
    return report


@pytest.fixture(scope="session")
def _postgres_folder(tmp_path_factory) -> Iterator[Path]:
    """A folder in memory where there is plenty: a database a test means making and removing hundreds of files each."""
    if not _MEMORY.is_dir() or shutil.disk_usage(_MEMORY).free < _ROOM_BYTES:
        yield tmp_path_factory.mktemp("postgres")
        return
    with TemporaryDirectory(prefix="feedline-postgres-", dir=_MEMORY, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres(_postgres_folder, _marker) -> Iterator[Postgres]:
    """A private Postgres: `.dsn`, `.stop()`, `.kill()`, `.start()` (same address again). Leave it running."""

    def copied(folder: Path) -> Postgres:
        copy_to(folder, _marker)
        return Postgres(folder, _marker, durable=False)

    server = _started(copied, _postgres_folder)
    yield server
    server.stop()
    server.close()


@pytest.fixture
def read_only(postgres) -> Callable[[], AbstractContextManager[None]]:
    """Within `read_only()` every transaction of the server, in old sessions too, is one that may not write."""

    def change(how: str, shown: str) -> None:
        with psycopg.connect(postgres.dsn, autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM {how}")
            connection.execute("SELECT pg_reload_conf()")
        while True:  # a new session has it once the server has told all old ones
            with psycopg.connect(postgres.dsn, autocommit=True) as connection:
                if connection.execute("SHOW default_transaction_read_only").fetchone() == (shown,):
                    return

    @contextmanager
    def refusing_writes() -> Iterator[None]:
        change("SET default_transaction_read_only = on", "on")
        try:
            yield
        finally:
            change("RESET default_transaction_read_only", "off")

    return refusing_writes


@pytest.fixture(scope="session")
def databases(postgres) -> Iterator[Databases]:
    """Databases that are as new."""
    found = Databases(postgres)
    yield found
    found.close()


@pytest.fixture
def database(request, postgres, databases) -> Iterator[str]:
    """The address of a migrated database without rows; one that nobody has had, with the mark `new_database`."""
    if _begun_anew(postgres):
        databases.begin()
    new = request.node.get_closest_marker("new_database")
    name = databases.new() if new else databases.take()
    yield postgres.dsn_of(name)
    if postgres.stands:
        databases.drop(name) if new else databases.give_back(name)


@pytest.fixture(scope="session")
def rabbitmq(pytestconfig, tmp_path_factory, _marker) -> Iterator[RabbitMQ]:
    """A private node: `.url`, `.stop()`, `.kill()`, `.start()` (same address again), `.new_vhost()`,
    `.evaluate("erlang:expression()")`. Leave it running."""
    server = _started(lambda folder: RabbitMQ(folder, _marker, shell=True), tmp_path_factory.mktemp("rabbitmq"))
    pytestconfig.stash[_NODE] = server
    yield server
    del pytestconfig.stash[_NODE]
    server.stop()
    server.stop_epmd()


def _started(make: Callable[[Path], AnyServer], folder: Path) -> AnyServer:
    """Start a server; one that does not come up is made once more, on other ports: all tests behind it need it."""
    server = make(folder / "first")
    try:
        server.start()
    except RuntimeError:
        server = make(folder / "second")
        server.start()
    return server


def _begun_anew(server: Postgres | RabbitMQ) -> bool:
    """Start a server that a test left down, or that died: one failure costs the tests behind it nothing.

    One that does not come back begins anew, on other ports and without its data; return whether it did.
    """
    if server.stands:
        return False
    try:
        server.start()
    except RuntimeError:
        if isinstance(server, RabbitMQ):
            server.stop_epmd()
            server.epmd_port = server.distribution_port = 0
        server.port = 0
        shutil.rmtree(server.folder / "data", ignore_errors=True)
        server.start()
        return True
    return False


@pytest.fixture(scope="session")
def least_privilege() -> Callable[[Settings, str], Settings]:
    """`least_privilege(settings, "api")` are the same settings with the Postgres role of a part of Feedline.

    The parts under test run with the privileges that `deploy/users/postgres.sql` gives them: what is missing there is
    found by the tests of the part.
    """

    def narrowed(settings: Settings, part: str) -> Settings:
        owner, _, place = settings.dsn.partition("://")[2].partition(":")
        assert owner != part
        return settings.model_copy(update={"database_url": SecretStr(f"postgresql://feedline_{part}:{place}")})

    return narrowed


@pytest.fixture
def amqp_url(rabbitmq) -> Iterator[str]:
    """The address of a fresh virtual host."""
    url = rabbitmq.new_vhost()
    yield url
    rabbitmq.delete_vhost(url)


@pytest.fixture(scope="session")
def _virtual_hosts(rabbitmq) -> VirtualHosts:
    return VirtualHosts(rabbitmq, shards=2)


@pytest.fixture
async def two_shards(request, rabbitmq, _virtual_hosts) -> AsyncIterator[str]:
    """The address of a virtual host whose two shards stand already, empty; a fresh one with the mark `other_queues`."""
    fresh = request.node.get_closest_marker("other_queues")
    url = rabbitmq.new_vhost() if fresh else await _virtual_hosts.take()
    yield url
    rabbitmq.delete_vhost(url) if fresh else _virtual_hosts.give_back(url)


@pytest.fixture
def settings(database, amqp_url) -> Settings:
    """Settings over a fresh database and a fresh virtual host; ports are free ones, a busy broker is waited for."""
    return Settings(
        database_url=database,
        amqp_url=amqp_url,
        secret_key=secrets.token_hex(16),
        port=0,
        api_port=0,
        monitor_port=0,
        confirm_timeout_ms=60_000,
    )
