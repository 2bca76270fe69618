"""The way from page to page of a list: what the API's `Link` header names."""

from __future__ import annotations

from yarl import URL

from ingest.api.framework.call import Answer

_NEXT = '>; rel="next"'


def next_of(answer: Answer) -> str | None:
    """Return where the next page begins; None on the last one."""
    target, next_, _ = answer.headers.get("Link", "").partition(_NEXT)
    return URL(target.removeprefix("<")).query.get("after") if next_ else None
