"""What keeps the pages' sessions from being used by others: headers, cookies, and whose page a request comes from."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""On every page. Vendors' text is hostile: nothing inline, nothing evaluated, none of their pictures fetched."""


@dataclass(frozen=True, slots=True)
class CookieKind:
    """How the session's cookie is named and sent. `__Host-`: only over https, only this host (RFC 6265bis)."""

    name: str
    secure: bool


SECURE, LOOPBACK = CookieKind("__Host-feedline", True), CookieKind("feedline", False)


def cookie_kind(*, https: bool, host: str) -> CookieKind | None:
    """Return how to keep a session for requests to `host`; None when it would cross a network unencrypted."""
    if https:
        return SECURE
    return LOOPBACK if _is_loopback(host) else None


def from_own_page(headers: Mapping[str, str], host: str) -> bool:
    """Return whether a request that changes something comes from a page of ours; in doubt it does not.

    Browsers say so themselves in `Sec-Fetch-Site`; older ones at least send `Origin`.
    Source: OWASP, Cross-Site Request Forgery Prevention, "Fetch Metadata".
    """
    site = headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get("Origin")
    return origin is not None and bool(host) and urlsplit(origin).netloc.lower() == host.lower()


def _is_loopback(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
