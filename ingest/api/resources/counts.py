"""How many feed variants or variants a filter finds, without counting on for ever."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.models import Query, Resource
from ingest.api.framework.operation import Operation
from ingest.api.shared.goods import FeedVariantFilters
from ingest.api.shared.stored import GOODS
from ingest.api.shared.stored_pages import filters_of
from ingest.api.shared.variant_pages import VariantFilters
from ingest.api.shared.variants import VARIANTS

MOST = 10_000
MOST_LOOKED_AT = 100_000
"""Rows that a count looks at whose filter no index answers."""


class ListCount(Resource):
    """How many there are."""

    count: int = Field(description=f"at most {MOST:,}")
    more: bool = Field(description=f"there are, or may be, more: show it as {MOST:,}+")


async def count_feed_variants(call: Call[FeedVariantFilters, None]) -> Answer:
    """Count feed variants."""
    asked = {**filters_of(call.query), "feeds": call.caller.only_feeds}
    row = await call.db.one(GOODS.feed_variant_count, **asked, most=MOST, most_looked_at=MOST_LOOKED_AT)
    return Answer(_count(row["found"], more=row["looked_at"] > MOST_LOOKED_AT))


async def count_variants(call: Call[VariantFilters, None]) -> Answer:
    """Count variants."""
    query = call.query
    wanted = {"sku": query.sku, "barcode": query.barcode, "prefix": query.name_prefix}
    return Answer(_count(await call.db.one(VARIANTS.variant_count, **wanted, most=MOST)))


def _count(found: int, *, more: bool = False) -> ListCount:
    return ListCount(count=min(found, MOST), more=more or found > MOST)


def _operation(name: str, noun: str, handler: Any, query: type[Query], *, bound: bool) -> Operation:
    return Operation(
        name=f"{name}.count",
        method="GET",
        path=f"/api/{name.replace('_', '-')}/count.json",
        summary=f"Count {noun}s",
        description=f"By the filters of the list. A count ends at {MOST:,}, and says that there are more.",
        scope=Scope.READ,
        bound=bound,
        query=query,
        response=ListCount,
        handler=handler,
    )


OPERATIONS = (
    _operation("inventory_feed_variants", "feed variant", count_feed_variants, FeedVariantFilters, bound=True),
    _operation("variants", "variant", count_variants, VariantFilters, bound=False),
)
