"""What is left of an account's daily SKU limit, as header fields of an answer.

`RateLimit-Policy: "daily-skus";q=20000;w=86400` and `RateLimit: "daily-skus";r=19874;t=3600`: quota and window, what
remains and the seconds until the day ends. Source: draft-ietf-httpapi-ratelimit-headers.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

_NAME = '"daily-skus"'


@functools.lru_cache(maxsize=1024)
def fields(limit: int, remaining: int, seconds: int) -> Mapping[str, str]:
    """Return the fields of a day with `seconds` to go."""
    return {
        "RateLimit-Policy": f"{_NAME};q={limit};w=86400",
        "RateLimit": f"{_NAME};r={remaining};t={max(0, seconds)}",
    }
