"""Pages of variants in the order that is asked for, each along an index from where the page before ended."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from ingest.api.framework.call import Call
from ingest.api.framework.cursors import cursor
from ingest.api.framework.models import INT64_MAX, MAX_PAGE, Query
from ingest.api.shared.goods import BarcodeFilter
from ingest.api.shared.variants import VARIANTS
from schemas import attributes as a


class Cursor(NamedTuple):
    """Where a page ended: the last variant, and the text that it is sorted by."""

    id: int
    text: str


_CURSOR = re.compile(r"^([0-9]{1,18})(?:_([^\x00]{0,255}))?$", re.ASCII)


class VariantFilters(Query):
    """Which variants."""

    sku: a.Sku | None = Field(None, description="with this SKU")
    barcode: BarcodeFilter | None = Field(None, description="with this barcode")
    name_prefix: Annotated[a.ShortText, Field(min_length=1)] | None = Field(
        None, description="whose name begins so, in any case; in the order of names"
    )


class VariantQuery(VariantFilters):
    """Filters of the list, and its order."""

    limit: int = Field(50, ge=1, le=MAX_PAGE, description="variants of one page")
    after: Annotated[Cursor, cursor(_CURSOR, lambda of: Cursor(int(of[1]), of[2] or ""))] | None = Field(
        None, description="continue after this one; as given by the `Link` header"
    )
    sort: Literal["id", "-id", "sku", "name"] = Field(
        "id", description="`-id`: newest first; `name` leaves out those without a name"
    )


async def page(call: Call[VariantQuery, None]) -> list[dict[str, Any]]:
    """Return the rows of a page and one more, each with its `cursor`."""
    query = call.query
    order = "name" if query.name_prefix is not None else query.sort
    wanted = {"sku": query.sku, "barcode": query.barcode, "limit": query.rows}
    after = query.after
    if order == "id":
        rows = await call.db.all(VARIANTS.variant_list, ids=None, after=after and after.id, **wanted)
        return [{**row, "cursor": row["id"]} for row in rows]
    if order == "-id":
        found = await call.db.all(VARIANTS.variant_ids_newest, before=after.id if after else INT64_MAX, **wanted)
    elif order == "sku":
        found = await call.db.all(VARIANTS.variant_ids_by_sku, after=after and after.text, **wanted)
    else:
        place = {"after": after and after.text, "after_id": after and after.id, "prefix": query.name_prefix or ""}
        found = await call.db.all(VARIANTS.variant_ids_by_name, **place, **wanted)
    ids = [row["id"] for row in found]
    rows = await call.db.all(VARIANTS.variant_list, ids=ids, after=None, sku=None, barcode=None, limit=None)
    known = {row["id"]: row for row in rows}
    return [{**known[row["id"]], "cursor": row["cursor"]} for row in found if row["id"] in known]
