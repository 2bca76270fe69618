"""How feeds are divided among shards now: asked with each request, since shards are doubled while all runs."""

from __future__ import annotations

from typing import Any

from ingest.api.framework.call import Call
from schemas import queries
from schemas.division import Division

_SQL = queries.load("division", beside=__file__)


async def division_of(call: Call[Any, Any]) -> Division:
    """Return the division as Postgres has it."""
    row = await call.db.one(_SQL.division, shards=call.services.settings.shards)
    return Division(row["shards"], frozenset(row["closed"]))
