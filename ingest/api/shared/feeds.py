"""The feed, and the run, that a path names: their queries, and what must be true before anything is done with them."""

from __future__ import annotations

from typing import Any

from ingest.api.framework.call import Call
from ingest.feeds.runs import RUN_SQL
from ingest.feeds.settings import PULLED
from schemas import queries

FEEDS = queries.load("feeds", beside=__file__)
MOST_VERSIONS = 50
"""Of how a feed read its files, the last that are kept."""


async def pulled_feed(call: Call[Any, Any], *, must_be_enabled: bool = False) -> Any:
    """Return the row of the path's feed; raises 404, or 409 when it is not one that is fetched."""
    row = await call.db.one(RUN_SQL.pulled_feed, feed_id=call.id)
    if row is None or row["deleted"]:
        raise call.not_found("inventory feed")
    if row["resource_type"] not in PULLED:
        raise call.problem(409, "not_pulled", f"a feed of resourceType {row['resource_type']} is not fetched")
    if must_be_enabled and not row["enabled"]:
        raise call.problem(409, "disabled", "the feed is disabled: enable it first")
    return row


async def run_of(call: Call[Any, Any]) -> Any:
    """Return the row of the run that a path names behind its feed; raises 404."""
    return call.found(await call.db.one(RUN_SQL.get_run, feed_id=call.id, run_id=call.path["run"]), "run")
