"""What is left of the caller's daily SKU limit, in the header fields of every write (`ingest.http.capacity`)."""

from __future__ import annotations

from datetime import datetime

from ingest.api.framework.call import Scoped
from ingest.http.capacity import fields
from schemas import queries
from schemas.usage import Usage, resets_at, zone

CAPACITY = queries.load("capacity", beside=__file__)


async def headers(db: Scoped, now: datetime) -> dict[str, str]:
    """Return the fields; none for an account without a limit."""
    row = await db.one(CAPACITY.day, at=now)
    if row is None or row["daily_sku_limit"] is None:
        return {}
    day = Usage(row["day"], row["time_zone"], row["daily_sku_limit"], row["used"])
    left = resets_at(day.day, zone(day.time_zone)) - now
    return dict(fields(row["daily_sku_limit"], day.remaining or 0, int(left.total_seconds())))
