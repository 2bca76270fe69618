"""Pages of feed variants, along the primary key: of the list and of the exports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from ingest.api.framework.call import Call
from ingest.api.framework.models import INT64_MAX
from ingest.api.shared.goods import Cursor, FeedVariantFilters, FeedVariantQuery
from ingest.api.shared.stored import GOODS

MAX_LOOKED_AT = 20_000
"""Rows that one page looks at: a filter that no index answers would else read a whole account in one statement."""
EXPORTED_AT_ONCE = 500


async def page(call: Call[Any, Any], after: Cursor | None, most: int) -> tuple[list[Any], Cursor | None]:
    """Return at most so many rows, and where a page ended that looked at all it may (there may be more behind)."""
    filters: FeedVariantFilters = call.query
    wanted = {**filters_of(filters), "feeds": call.caller.only_feeds}
    start = {
        **{name: wanted[name] for name in ("feeds", "feed_id", "provider_id")},
        "after_feed": after and after.feed_id,
        "after_external_id": after and after.external_id,
    }
    bounded = filters.is_slow and not filters.skip
    row = await call.db.one(GOODS.feed_variant_boundary, **start, most=MAX_LOOKED_AT) if bounded else None
    end = row and Cursor(row["feed_id"], row["external_id"])
    rows = await call.db.all(
        GOODS.feed_variant_list,
        **wanted | start,
        until_feed=end and end.feed_id,
        until_external_id=end and end.external_id,
        limit=most,
    )
    return rows, end


async def newest(call: Call[FeedVariantQuery, None]) -> tuple[list[Any], str | None]:
    """Return the rows of a page, newest first, and the cursor of a page that ended because it looked at all it may."""
    query = call.query
    before = query.after.feed_id if query.after else INT64_MAX
    wanted = {**filters_of(query), "feeds": call.caller.only_feeds, "before": before}
    rows = await call.db.all(GOODS.feed_variant_newest, **wanted, most=MAX_LOOKED_AT, limit=query.rows)
    if len(rows) == query.rows:
        return rows, None
    last = await call.db.one(GOODS.feed_variant_newest_boundary, before=before, most=MAX_LOOKED_AT)
    return rows, None if last is None else f"{last}_"


def filters_of(query: FeedVariantFilters) -> dict[str, Any]:
    """Return the filters as queries take them."""
    return {
        "feed_id": query.inventory_feed_id,
        "provider_id": query.dropship_provider_id,
        "external_id": query.external_id,
        "vendor_sku": query.vendor_sku,
        "barcode": query.barcode,
        "variant_id": query.variant_id,
        "connected": query.connected,
        "updated_since": query.updated_since,
        "name_prefix": query.name_prefix,
    }


async def every(call: Call[Any, Any]) -> AsyncIterator[list[Any]]:
    """Yield all rows, page by page; between two pages no connection is held."""
    after: Cursor | None = None
    while True:
        rows, end = await page(call, after, EXPORTED_AT_ONCE)
        yield rows
        if len(rows) == EXPORTED_AT_ONCE:
            after = Cursor(rows[-1]["feed_id"], rows[-1]["external_id"])
        elif end is not None:
            after = end
        else:
            return
