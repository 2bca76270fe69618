"""The canary on the ready screen: that it went down every shard, and later whenever it does not, or does again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deploy.local.screen import Screen
from schemas.postgres import TROUBLE, Session

_EVERY_S = 2.0
_LOOK = """
SELECT shard, took_ms, CASE WHEN arrived_at IS NULL OR failed_at > arrived_at THEN stage END AS failed
  FROM canaries WHERE shard < $1 ORDER BY shard
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """How the last canary of a shard fared: the stage that it did not reach, or None and how long it took."""

    shard: int
    took_ms: int | None
    failed: str | None


def sentence(seen: Sequence[Seen], shards: int) -> tuple[bool, str] | None:
    """Return whether all is well, and a line; None until every shard's canary has been sent."""
    if len(seen) < shards:
        return None
    lost = [f"{one.shard} at {one.failed}" for one in seen if one.failed is not None]
    if lost:
        return False, f"the canary does not arrive, by shard: {', '.join(lost)} (docs/runbooks.md#canarymissing)"
    slowest_ms = max(one.took_ms or 0 for one in seen)
    return True, f"went down {shards} {'shard' if shards == 1 else 'shards'} in {slowest_ms} ms"


async def tell(database_url: str, shards: int, screen: Screen, until: asyncio.Future[Any]) -> None:
    """Show what changes, until `until` is done."""
    well: bool | None = None
    while not until.done():
        try:
            connection = await Session("feedline-run").open(database_url)
            try:
                rows = await connection.fetch(_LOOK, shards)
            finally:
                await connection.close()
        except TROUBLE:
            rows = []  # the screen tells of Postgres itself
        told = sentence([Seen(**row) for row in rows], shards)
        if told is not None and told[0] != well:
            well, line = told
            if well:
                screen.done("Canary", line)
            else:
                screen.notice(line)
        await asyncio.wait([until], timeout=_EVERY_S)
