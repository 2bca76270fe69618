"""Where a redirect, or the next page of an API, may lead, and whether the credentials may go along. Pure."""

from __future__ import annotations

from urllib.parse import urljoin

from yarl import URL

from ingest.feeds.locations import as_url, masked
from ingest.pull.fetch.errors import FetchCode, FetchError

_DEFAULT_PORTS = (80, 443)


def next_hop(current: URL, target: str, *, with_credentials: bool) -> URL:
    """Return the address that `target` (absolute or relative) names, without fragment or userinfo.

    Raises `FetchError` for what is no HTTP address (`redirect`) and for a step from https to http in a fetch that has
    credentials (`redirect_insecure`), even if they would not be sent: what comes back could be anybody's.
    """
    try:
        hop = as_url(urljoin(str(current), target.strip(" \t")))
        port = hop.port
    except ValueError:
        raise FetchError(FetchCode.REDIRECT, f"{masked(str(current))} leads to what is no address") from None
    if hop.scheme not in ("http", "https") or not hop.host or port is None:
        raise FetchError(FetchCode.REDIRECT, f"{masked(str(current))} leads to {masked(str(hop))}, which is not HTTP")
    if current.scheme == "https" and hop.scheme == "http" and with_credentials:
        raise FetchError(
            FetchCode.REDIRECT_INSECURE,
            f"{masked(str(current))} leads to {masked(str(hop))}, from https to http, in a fetch with credentials",
        )
    return hop


def keeps_credentials(current: URL, hop: URL) -> bool:
    """Return whether credentials may go along: same origin, or the same host stepping up from http to https."""
    if _origin(current) == _origin(hop):
        return True
    return (
        current.host == hop.host
        and (current.scheme, hop.scheme) == ("http", "https")
        and ((current.port, hop.port) == _DEFAULT_PORTS)
    )


def _origin(url: URL) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port, the default port filled in."""
    return url.scheme, url.host, url.port
