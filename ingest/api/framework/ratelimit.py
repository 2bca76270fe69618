"""The optional rate limit of an account: a leaky bucket, as in the API that we are compatible with.

A GET costs half a drop, anything else a whole one; `accounts.requests_per_second` drops leak out each second. With 1,
that is 2 GETs or 1 other request a second. The bucket holds one second's worth, at least one drop. Each API process
has buckets of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

MAX_BUCKETS = 100_000


@dataclass(slots=True)
class _Bucket:
    level: float
    at_s: float


class Buckets:
    """One leaky bucket an account."""

    def __init__(self) -> None:
        """Start with all buckets empty."""
        self._buckets: dict[int, _Bucket] = {}

    def take(self, account_id: int, method: str, rate: float, now_s: float) -> float:
        """Pour in one request at `now_s`; return 0.0, or the seconds until it would fit when it does not now."""
        cost = 0.5 if method in ("GET", "HEAD") else 1.0
        capacity = max(rate, 1.0)
        bucket = self._buckets.get(account_id)
        if bucket is None:
            if len(self._buckets) >= MAX_BUCKETS:
                self._buckets.clear()
            bucket = self._buckets[account_id] = _Bucket(0.0, now_s)
        bucket.level = max(0.0, bucket.level - (now_s - bucket.at_s) * rate)
        bucket.at_s = now_s
        overflow = bucket.level + cost - capacity
        if overflow > 1e-9:  # noqa: PLR2004 - a rounding error is not a request
            return overflow / rate
        bucket.level += cost
        return 0.0


BUCKETS = web.AppKey("buckets", Buckets)
