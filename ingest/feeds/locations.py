"""Addresses of files with their credentials: split, masked for answers, and put together again when sent back.

An address may carry credentials as `user:password@` (RFC 1738) and in query parameters such as `?token=…`. Answers show
`********` in their place; an address sent back with that mask keeps the stored ones, but only for the same server:
else whoever may edit a feed could have its credentials sent to a server of their own.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from schemas.secrets import MASK

SCHEMES = ("http", "https", "ftp", "ftps")
_SECRET_NAME = re.compile(
    r"(?i)(^|[_.-])(pass|passwd|password|pwd|secret|token|auth|sig|signature|key|code)($|[_.-])|apikey|accesstoken|authtoken"
)
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f\\]")


def check(location: str) -> str:
    """Return an address that can be fetched, as given; raises ValueError, which quotes no credentials."""
    if _UNPRINTABLE.search(location):
        raise ValueError("contains a space, backslash or control character: percent-encode it")
    try:
        parts = urlsplit(location)
        port = parts.port
    except ValueError:
        raise ValueError("not an address: is a character of the password not percent-encoded?") from None
    if parts.scheme.lower() not in SCHEMES:
        raise ValueError(f"expected an address that begins with {', '.join(f'{scheme}://' for scheme in SCHEMES)}")
    if not parts.hostname or port == 0:
        raise ValueError("the address names no server")
    return location


def masked(location: str) -> str:
    """Return an address as answers show it."""
    parts = urlsplit(location)
    userinfo, at, host = parts.netloc.rpartition("@")
    netloc = f"{MASK}@{host}" if at and userinfo else parts.netloc
    return parts._replace(netloc=netloc, query="&".join(_masked_pair(pair) for pair in parts.query.split("&"))).geturl()


def unmasked(location: str, stored: str | None) -> str:
    """Return an address with the stored credentials in place of masks; raises ValueError when there are none for it."""
    if MASK not in location:
        return location
    parts = urlsplit(location)
    before = urlsplit(stored or "")
    if origin(parts) != origin(before):
        raise ValueError("the server changed: send the credentials again")
    userinfo, _, host = parts.netloc.rpartition("@")
    netloc = f"{before.netloc.rpartition('@')[0]}@{host}" if userinfo == MASK else parts.netloc
    known = dict(pair.partition("=")[::2] for pair in before.query.split("&"))
    pairs = [_unmasked_pair(pair, known) for pair in parts.query.split("&")]
    result = parts._replace(netloc=netloc, query="&".join(pairs)).geturl()
    if MASK in result:
        raise ValueError("holds a mask for which nothing is stored")
    return result


def origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port: where credentials may go."""
    return parts.scheme.lower(), parts.hostname, parts.port


def _masked_pair(pair: str) -> str:
    name, equals, value = pair.partition("=")
    return f"{name}={MASK}" if equals and value and _SECRET_NAME.search(name) else pair


def _unmasked_pair(pair: str, known: dict[str, str]) -> str:
    name, _, value = pair.partition("=")
    return f"{name}={known[name]}" if value == MASK and name in known else pair
