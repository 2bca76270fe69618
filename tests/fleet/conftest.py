"""What is slow because it is large: the image, the brokers, the databases. `make test-fleet`, not `make test`."""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests import worker
from tests.fleet import load, network
from tests.fleet.cluster import SIZE
from tests.fleet.figures import Figures
from tests.fleet.fleet import Fleet
from tests.fleet.load import Gaps

ENDLESS_S = 120
"""Figures are no assertions: this only tells a fleet that goes on from one that does not."""


@pytest.fixture(scope="session")
def figures() -> Figures:
    """The table of the run."""
    return Figures()


@pytest.fixture
def until():
    """Wait until a coroutine function returns true."""
    return load.until


@pytest.fixture
def tell(capsys) -> Callable[[str], None]:
    """Print a figure, whether or not the test fails."""

    def show(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}")

    return show


@pytest.fixture(scope="session")
async def fleet(folder_in_memory) -> AsyncIterator[Fleet]:
    """The whole fleet, started once; a test leaves it whole."""
    worker.TIMEOUT_S = load.PATIENCE_S
    fleet = Fleet(folder_in_memory, network.Network(SIZE) if network.allowed() else None)
    try:
        await fleet.start()
        yield fleet
    finally:
        await fleet.stop()


@pytest.fixture(scope="session")
def folder_in_memory() -> Iterator[Path]:
    """A folder that Postgres' user may enter, in memory where there is some: several servers share one disk here."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture
def trial(fleet, figures, tell):
    """Within `trial()` vendors post. `await measure(what, goal)` waits until all feeds are confirmed and applied again
    and adds a row of what was since the last one, or since the block began. At its end the fleet must be whole again,
    every 202 applied once, and no value gone back."""

    @asynccontextmanager
    async def under_load() -> AsyncIterator[Callable[..., Awaitable[Gaps]]]:
        async with fleet.load.posting():
            since = time.time()

            async def measure(what: str, goal: str = "") -> Gaps:
                nonlocal since
                await fleet.load.progress()
                gaps = await fleet.load.gaps(since)
                tell(figures.add(what, gaps, goal))
                since = time.time()
                assert max(gaps.confirms_s, gaps.commits_s) < ENDLESS_S
                return gaps

            yield measure
            await fleet.whole()
            await fleet.load.progress()
        late = await fleet.load.settled()
        tell(f"{len(fleet.load.confirmed)} posts answered 202 so far, each applied once, in order")
        refused = f"{late} of {len(fleet.load.refused)} refused posts were applied after a newer one"
        tell(f"{refused}, of vendors that do not repeat what is refused")

    return under_load
