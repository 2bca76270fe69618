"""Drives a server with wrk (Debian's package) and reads what it saw."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.bench.catalogue import Post

_SCRIPT = Path(__file__).with_name("posts.lua")
THREADS = 1
"""One thread of wrk sends more than two cores can take in."""


@dataclass(frozen=True, slots=True)
class Load:
    """What the load generator saw: posts answered, how many of them not with 2xx or 3xx, and latency in ms.

    `cpu_s` is what it took itself while it sent: CPU seconds that the road does without on these cores.
    """

    posts: int
    seconds: float
    refused: int
    failed: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    cpu_s: float

    @property
    def posts_per_second(self) -> float:
        """Return posts answered a second."""
        return self.posts / self.seconds


def write_posts(path: Path, posts: Sequence[Post]) -> None:
    """Write posts as `posts.lua` reads them."""
    path.write_text("".join(post.feed.hash + "\t" + "\1".join(post.parts) + "\n" for post in posts))


def count_posts(path: Path) -> int:
    """Return how many posts a file of `write_posts` has."""
    with path.open() as lines:
        return sum(1 for _ in lines)


@dataclass(frozen=True, slots=True)
class Drive:
    """How to send: `step` is added to the quantity after each pass; `rate` is posts a second, 0 as fast as it goes."""

    seconds: int
    connections: int = 32
    quantity: int = 1
    step: int = 0
    rate: float = 0


async def drive(url: str, posts: Path, how: Drive) -> Load:
    """Send posts to a URL for a while; raises RuntimeError when wrk fails. Cancelled, it ends wrk first."""
    pause_ms = how.connections / how.rate * 1000 if how.rate else 0
    process = await asyncio.create_subprocess_exec(
        "wrk", f"-t{THREADS}", f"-c{how.connections}", f"-d{how.seconds}s", "--timeout", "20s", "-s", str(_SCRIPT), url,
        "--", str(posts), str(how.quantity), str(how.step), f"{pause_ms:.3f}", str(THREADS),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        output = (await process.communicate())[0].decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode or "RESULT " not in output:
        raise RuntimeError(f"wrk ended with {process.returncode}: {output}")
    return Load(**json.loads(output.partition("RESULT ")[2]))
