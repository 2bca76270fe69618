"""The audit log: who, what, before and after, from where."""

from __future__ import annotations

from ingest.api.framework.caller import Scope
from ingest.pages.links import next_of
from ingest.pages.page import Context, Page
from ingest.pages.times import moment_of
from ingest.pages.visit import Visit

_SHOWN = 50


async def show(visit: Visit) -> Context:
    """Return a page, newest first."""
    query = visit.request.query
    filters = {name: query.get(name, "").strip() for name in ("who", "operation", "subject")}
    since = moment_of(visit, "since")
    answer = await visit.answer(
        "audit_log.list", query={**filters, "since": since, "after": query.get("after"), "limit": _SHOWN}
    )
    return {"entries": answer.body, "after": next_of(answer), "filters": {**filters, "since": query.get("since")}}


ENTRIES = (Page(name="audit", path="/audit-log", title="Audit log", section="audit", show=show, scope=Scope.ADMIN),)
