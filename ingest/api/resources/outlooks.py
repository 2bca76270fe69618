"""What an override would make of a quantity, before it is saved."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.models import Query, Resource
from ingest.api.framework.operation import Operation
from schemas import attributes as a
from schemas import queries

OUTLOOKS = queries.load("outlooks", beside=__file__)
INT32_MAX = 2**31 - 1


class OutlookQuery(Query):
    """The override to try."""

    inventory_quantity_override: a.QuantityOverride = Field("none", description="none, manual or maximum")
    manual_inventory_quantity: Annotated[int, Field(ge=-INT32_MAX, le=INT32_MAX)] | None = None


class Outlook(Resource):
    """What may be sold with it."""

    available_quantity: int | None = Field(description="of the feed variant; null: not known")
    counts: bool = Field(description="whether its feed is enabled, so that it adds to its variant")
    variant_id: int | None
    variant_available_quantity: int | None = Field(description="of its variant; null: connected to none")


async def get_outlook(call: Call[OutlookQuery, None]) -> Answer:
    """Return what the override would make of it."""
    query = call.query
    tried = {"override": query.inventory_quantity_override, "manual": query.manual_inventory_quantity}
    row = call.found(await call.db.one(OUTLOOKS.outlook, id=call.id, **tried), "feed variant")
    own = (row["available_quantity"] or 0) if row["counts"] else 0
    total = None if row["variant_id"] is None else row["others"] + own
    return Answer(Outlook.of({**row, "variant_available_quantity": total}))


OPERATIONS = (
    Operation(
        name="outlooks.get",
        method="GET",
        path="/api/inventory-feed-variants/{id}/outlook.json",
        summary="Try an override of a quantity",
        description="What the feed variant, and its variant, would sell with it. Nothing is changed.",
        scope=Scope.READ,
        query=OutlookQuery,
        response=Outlook,
        handler=get_outlook,
    ),
)
