"""What a window costs by its size: `apply_window` alone, in this process, over one connection, no broker.

Beside the whole road this tells the workers' and Postgres' share apart from the rest, and what it is worth that windows
fill.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

import asyncpg
import orjson

from deploy.bench.catalogue import Feed, Post
from deploy.bench.system import ACCOUNT
from schemas.batches import Batch, Source, decode, new_batch_id
from schemas.validation import validate
from workers.apply import Memory, apply_window
from workers.apply.planner import SESSION

SIZES = (1, 2, 4, 8, 16, 32, 64)
_KEY = b"k" * 32
_REMEMBERED = 100_000


async def paces(dsn: str, made: list[Post], seconds: float, *, changing: bool) -> list[tuple[float, float]]:
    """Return (batches a window, items a second) of windows of each size, decoding included."""
    connection = await asyncpg.connect(dsn, server_settings=SESSION)
    by_feed: dict[Feed, list[Post]] = {}
    for post in made:
        by_feed.setdefault(post.feed, []).append(post)
    line = [post for posts in zip(*by_feed.values(), strict=False) for post in posts]
    found = []
    known = Memory(_REMEMBERED).begin()
    quantity = 200_000
    try:
        for size in SIZES:
            items, took, start = 0, 0.0, 0
            while took < seconds:
                if start + size > len(line):
                    start = 0
                quantity += changing
                window = [_encoded(post, quantity if changing else 1) for post in line[start : start + size]]
                start += size
                began = time.perf_counter()
                batches = [decode(message) for message in window]
                await apply_window(connection, batches, datetime.now(UTC), known)
                took += time.perf_counter() - began
                items += sum(len(batch.items) for batch in batches)
            found.append((float(size), items / took))
    finally:
        await connection.close()
    return found


def _encoded(post: Post, quantity: int) -> bytes:
    now_ms = time.time_ns() // 1_000_000
    items = validate(orjson.loads(post.body(quantity))).items
    return Batch(
        new_batch_id(post.feed.id, now_ms, _KEY), ACCOUNT, post.feed.id, now_ms, Source.WEBHOOK, items
    ).encode()
