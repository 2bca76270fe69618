"""What is left of the account's daily SKU limit, in the header fields of every write.

`RateLimit-Policy: "daily-skus";q=20000;w=86400` and `RateLimit: "daily-skus";r=19874;t=3600`: quota and window, what
remains and the seconds until the day ends. Source: draft-ietf-httpapi-ratelimit-headers.
"""

from __future__ import annotations

from datetime import datetime

from ingest.api.framework.call import Scoped
from schemas import queries
from schemas.usage import Usage, resets_at, zone

CAPACITY = queries.load("capacity", beside=__file__)
_NAME = '"daily-skus"'


async def headers(db: Scoped, now: datetime) -> dict[str, str]:
    """Return the fields; none for an account without a limit."""
    row = await db.one(CAPACITY.day, at=now)
    if row is None or row["daily_sku_limit"] is None:
        return {}
    day = Usage(row["day"], row["time_zone"], row["daily_sku_limit"], row["used"])
    left = resets_at(day.day, zone(day.time_zone)) - now
    return {
        "RateLimit-Policy": f"{_NAME};q={row['daily_sku_limit']};w=86400",
        "RateLimit": f"{_NAME};r={day.remaining};t={max(0, int(left.total_seconds()))}",
    }
