"""How a feed's credentials are sent over HTTP.

| given                                    | sent                                          |
|------------------------------------------|-----------------------------------------------|
| user and password in the address         | `Authorization: Basic` (RFC 7617, UTF-8)      |
| `authenticationToken` alone              | `Authorization: Bearer <token>`               |
| token ending in a colon, and a secret    | that header: `X-Api-Key:` + `abc` → `X-Api-Key: abc` |
| another token, and a secret              | `Authorization: Basic`, token as the user     |

A token overrules the address, if both want the Authorization header. FTP takes the address's alone.
"""

from __future__ import annotations

import re

from aiohttp import encode_basic_auth

from ingest.pull.fetch.errors import FetchCode, FetchError
from ingest.pull.fetch.request import FetchRequest

_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\U0010ffff]+")
_OURS = re.compile(
    r"accept(-encoding)?|connection|content-length|expect|host|if-.*|range|te|trailer|transfer-encoding|upgrade",
    re.IGNORECASE,
)
"""Headers that a feed may not set: they steer the transfer."""


def headers_for(request: FetchRequest) -> dict[str, str]:
    """Return the headers that carry the credentials; raises `FetchError` (`credentials`) that does not quote them."""
    headers, location = {}, request.place()
    if location.user is not None:
        headers["Authorization"] = _basic(location.user, location.password or "")
    token, secret = request.authentication_token or "", request.authentication_secret or ""
    if secret and not token:
        raise FetchError(FetchCode.CREDENTIALS, "there is an authenticationSecret without an authenticationToken")
    if not token:
        return headers
    name = _HEADER.fullmatch(token)
    if not secret:
        headers["Authorization"] = f"Bearer {token}"
    elif name is None:
        headers["Authorization"] = _basic(token, secret)
    elif _OURS.fullmatch(name.group(1)):
        raise FetchError(FetchCode.CREDENTIALS, f"the header {name.group(1)} cannot be set by a feed")
    else:
        headers["Authorization" if name.group(1).lower() == "authorization" else name.group(1)] = secret.strip()
    if not all(_VALUE.fullmatch(value) for value in headers.values()):
        raise FetchError(FetchCode.CREDENTIALS, "authenticationToken or authenticationSecret holds a control character")
    return headers


def _basic(user: str, password: str) -> str:
    if ":" in user:
        raise FetchError(
            FetchCode.CREDENTIALS, "the user name holds a colon, which HTTP basic authentication cannot send"
        )
    return encode_basic_auth(user, password)
