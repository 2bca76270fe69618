"""The audit log: who, what, before and after, from where."""

from __future__ import annotations

from ingest.api.framework.caller import Scope
from ingest.pages.links import next_of
from ingest.pages.page import Context, Page
from ingest.pages.visit import Visit

_SHOWN = 50


async def show(visit: Visit) -> Context:
    """Return a page, newest first."""
    given = {name: visit.request.query.get(name) for name in ("after", "who")}
    answer = await visit.answer("audit_log.list", query={**given, "limit": _SHOWN})
    return {"entries": answer.body, "after": next_of(answer), "who": given["who"]}


ENTRIES = (Page(name="audit", path="/audit-log", title="Audit log", section="audit", show=show, scope=Scope.ADMIN),)
