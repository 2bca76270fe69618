"""What is slow because it is large: the image, the brokers, the databases. `make test-fleet`, not `make test`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable

import pytest

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
