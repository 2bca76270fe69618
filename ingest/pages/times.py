"""Times that people type: those of the account's zone."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from ingest.http.problems import ProblemError
from ingest.pages.visit import Visit


def moment_of(visit: Visit, name: str) -> str | None:
    """Return a time of the query with its zone, as the API takes it; None when there is none. Raises 400."""
    text = visit.request.query.get(name, "").strip()
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        detail = f"{name}: expected a time such as 2026-01-31T12:00"
        raise ProblemError(400, "pages.time", detail) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(visit.session.time_zone))).isoformat()
