"""The address that this server is reached at, for the absolute addresses in its answers."""

from __future__ import annotations

import functools
from typing import Final

from aiohttp import web

_SCHEMES: Final = ("http", "https")


def origin(request: web.BaseRequest, public_url: str, *, trust_forwarded: bool) -> str:
    """Return scheme and host without a slash at the end: as configured, or as the request has them.

    `X-Forwarded-Proto` and `X-Forwarded-Host` count where a proxy sets them (`trust_forwarded`); else the Host header,
    which comes back to its own sender alone.
    """
    if public_url:
        return public_url.rstrip("/")
    scheme, host = request.scheme, request.host
    if trust_forwarded:
        forwarded = request.headers.get("X-Forwarded-Proto", "").partition(",")[0].strip().lower()
        scheme = forwarded if forwarded in _SCHEMES else scheme
        host = request.headers.get("X-Forwarded-Host", "").partition(",")[0].strip() or host
    return f"{scheme}://{host}" if _is_plain(host) else ""


@functools.lru_cache(maxsize=256)
def _is_plain(host: str) -> bool:
    return host.isascii() and host.isprintable() and not set(host) & set(" /\\@?#<>\"'")
