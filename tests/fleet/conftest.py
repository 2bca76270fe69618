"""What is slow because it is large: the image, the brokers, the databases. `make test-fleet`, not `make test`."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Awaitable, Callable, Iterator

import pytest

from schemas.settings import Settings
from tests.fleet.cluster import Cluster

TIMEOUT_S = 60


@pytest.fixture
def until() -> Callable[[Callable[[], Awaitable[bool]], str], Awaitable[None]]:
    """Wait until a coroutine function returns true: nothing tells of another process's state."""

    async def wait(condition: Callable[[], Awaitable[bool]], what: str) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                while not await condition():  # noqa: ASYNC110 - see above
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"never: {what}") from None

    return wait


@pytest.fixture
def tell(capsys) -> Callable[[str], None]:
    """Print a figure, whether or not the test fails."""

    def show(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}")

    return show


@pytest.fixture
def cluster(tmp_path_factory, _marker) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), _marker)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def clustered(database, cluster) -> Settings:
    """Settings over a fresh database and three brokers."""
    return Settings(
        database_url=database,
        amqp_url=cluster.url,
        secret_key=secrets.token_hex(16),
        shards=6,
        heartbeat_timeout_ms=15_000,
        monitor_port=0,
    )
