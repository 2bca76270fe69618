"""The way from page to page of a list: what the API's `Link` header names."""

from __future__ import annotations

import re

from yarl import URL

from ingest.api.framework.call import Answer

_NEXT = re.compile(r'<([^>]+)>; rel="next"')


def next_of(answer: Answer) -> str | None:
    """Return where the next page begins; None on the last one."""
    found = _NEXT.search(answer.headers.get("Link", ""))
    return URL(found[1]).query.get("after") if found else None
