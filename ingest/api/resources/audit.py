"""The audit log: who changed what by the dashboard, from where, and what it was before."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.models import Page, Resource, When
from ingest.api.framework.operation import Operation
from schemas import queries
from schemas.attributes import ShortText

AUDIT = queries.load("audit", beside=__file__)


class AuditEntry(Resource):
    """One change."""

    id: int
    at: datetime
    who: str = Field(description="a person's name, the token, or a one-time link")
    address: str
    operation: str = Field(description="as this document names it")
    subject: str = Field(description="the path that was called")
    before: dict[str, Any] | None = Field(description="the attributes that changed; secrets masked")
    after: dict[str, Any] | None


class AuditQuery(Page):
    """Which changes."""

    who: ShortText | None = Field(None, description="by this person, token or link")
    operation: ShortText | None = Field(None, description="by this operation, such as `inventory_feeds.update`")
    subject: ShortText | None = Field(None, description="of this path, such as `/api/inventory-feeds/7.json`")
    since: When | None = Field(None, description="at this time or later")


async def list_audit(call: Call[AuditQuery, None]) -> Answer:
    """Return a page, newest first."""
    query = call.query
    filters = {"who": query.who, "operation": query.operation, "subject": query.subject, "since": query.since}
    rows = await call.db.all(AUDIT.audit_list, before=query.after, limit=query.rows, **filters)
    return call.page(rows, [AuditEntry.of(row) for row in rows])


OPERATIONS = (
    Operation(
        name="audit_log.list",
        method="GET",
        path="/api/audit-log.json",
        summary="List who changed what by the dashboard, newest first",
        scope=Scope.ADMIN,
        query=AuditQuery,
        response=list[AuditEntry],
        handler=list_audit,
    ),
)
