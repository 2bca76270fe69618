"""Search: what a text names, exactly first, then as a beginning."""

from __future__ import annotations

import re
import uuid
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.models import INT64_MAX, Query, Resource
from ingest.api.framework.operation import Operation
from schemas import queries

SEARCH = queries.load("search", beside=__file__)
MOST = 20
_BEYOND = "\U0010ffff"
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_NUMBER = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
By = Literal["sku", "barcode", "externalId", "vendorSku", "vendorBarcode", "batch", "run"]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255, pattern=r"^[^\x00]*$")]


class Found(Resource):
    """One thing that the text names, and by what."""

    by: By
    exact: bool = Field(description="the whole text; else its beginning")
    value: str = Field(description="what was compared")
    name: str = Field(description="the variant's SKU, the feed variant's externalId, or the number of the batch or run")
    id: int | None = Field(description="of the variant, the feed variant or the run; null: a batch")
    feed_id: int | None
    feed_name: str | None


class SearchQuery(Query):
    """What to find."""

    q: Text = Field(description="a SKU, barcode, externalId, batch id or number of a run, or its beginning")


async def search(call: Call[SearchQuery, None]) -> Answer:
    """Return what the text names: exact ones first, in each the account's own before the vendors'."""
    text = call.query.q
    rows = [dict(row) for row in await call.db.all(SEARCH.search, text=text, beyond=text + _BEYOND, most=MOST)]
    rows += await _numbered(call, text)
    feeds = sorted({row["feed_id"] for row in rows if row["feed_id"] is not None})
    names = {row["id"]: row["name"] for row in await call.db.all(SEARCH.names_of, ids=feeds)}
    found = [Found.of({**row, "exact": row["value"] == text, "feed_name": names.get(row["feed_id"])}) for row in rows]
    return Answer(sorted(found, key=lambda one: not one.exact))


async def _numbered(call: Call[SearchQuery, None], text: str) -> list[dict[str, object]]:
    """Return the batch or the run that a text is the id of; whether a batch is known, its receipt tells."""
    if _UUID.fullmatch(text):
        return [{"by": "batch", "value": text, "name": str(uuid.UUID(text)), "id": None, "feed_id": None}]
    if not _NUMBER.fullmatch(text) or int(text) > INT64_MAX:
        return []
    run = await call.db.one(SEARCH.run_of, id=int(text))
    return [] if run is None else [{"by": "run", "value": text, "name": text, **run}]


OPERATIONS = (
    Operation(
        name="search.find",
        method="GET",
        path="/api/search.json",
        summary="Find what a text names",
        description=f"Exact ones first, then those that begin with it, up to {MOST} by each way.",
        scope=Scope.READ,
        query=SearchQuery,
        response=list[Found],
        handler=search,
    ),
)
