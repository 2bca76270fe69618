"""How a feed read its files before, with who replaced it and when: to be looked at, and put back by a PUT."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.models import Page, Resource
from ingest.api.framework.operation import Operation
from ingest.api.shared.feeds import FEEDS, MOST_VERSIONS
from ingest.feeds.mapping import FormatSettings
from ingest.feeds.settings import FeedSettings, ResourceType
from schemas import queries

VERSIONS = queries.load("feed_versions", beside=__file__)
_NAMES = frozenset(known.alias or name for name, known in FormatSettings.model_fields.items())


class FeedVersion(Resource):
    """How a feed read its files until somebody changed it."""

    id: int
    replaced_at: datetime
    replaced_by: str
    resource_type: ResourceType
    settings: dict[str, Any] = Field(
        description="the attributes that say how a file is read; sent as a PUT of the feed they are put back"
    )

    @classmethod
    def of_row(cls, row: Any) -> FeedVersion:
        """Return the resource of a row."""
        settings = FeedSettings.model_validate(row["settings"]).model_dump(mode="json", by_alias=True)
        return cls.of({**row, "settings": {name: value for name, value in settings.items() if name in _NAMES}})


async def list_versions(call: Call[Page, None]) -> Answer:
    """Return a page, the last replaced first."""
    call.found(await call.db.one(FEEDS.feed_get, id=call.id), "inventory feed")
    rows = await call.db.all(VERSIONS.version_list, feed_id=call.id, before=call.query.after, limit=call.query.rows)
    return call.page(rows, [FeedVersion.of_row(row) for row in rows])


OPERATIONS = (
    Operation(
        name="feed_versions.list",
        method="GET",
        path="/api/inventory-feeds/{id}/versions.json",
        summary="List how a feed read its files before",
        description=f"Of each feed the last {MOST_VERSIONS} are kept.",
        scope=Scope.READ,
        query=Page,
        response=list[FeedVersion],
        handler=list_versions,
    ),
)
