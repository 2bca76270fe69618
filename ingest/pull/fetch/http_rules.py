"""HTTP's rules, all of them pure: how credentials are sent, what an answer says, where it may lead.

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
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote_plus, urljoin

import aiohttp
import re2
from aiohttp import encode_basic_auth
from yarl import URL

from ingest.feeds.locations import as_url, masked
from ingest.pull.fetch.errors import FetchCode, FetchError, FetchUnavailable
from ingest.pull.fetch.request import Fetched, FetchRequest, Validators
from ingest.pull.fetch.spool import Spool

_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\U0010ffff]+")
_OURS = re.compile(
    r"accept(-encoding)?|connection|content-length|expect|host|if-.*|range|te|trailer|transfer-encoding|upgrade",
    re.IGNORECASE,
)
"""Headers that a feed may not set: they steer the transfer."""
_RANGE = re.compile(r"bytes\s+(\d+)-\d+/(\d+)")
_SECRET_HEADERS = frozenset(("set-cookie", "set-cookie2", "authorization", "www-authenticate", "location"))
_CODINGS = frozenset(("br", "compress", "deflate", "x-compress", "zstd", "dcb", "dcz"))
_SIGNATURE = re.compile(r"(?i)(^|[-_])(sig|signature|hmac)$|^x-(amz|goog|oss)-")
_STRONG_AFTER_S = 60
"""A Last-Modified this much older than the answer's Date is a strong validator (RFC 9110, 8.8.2.2)."""
_DEFAULT_PORTS = (80, 443)
_LINK = re2.compile(r"""<([^<>]*)>((?:\s*;\s*[^\s;,="]+(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"]*))?)*)""")
_REL = re2.compile(r"""(?i);\s*rel\*?\s*=\s*(?:"([^"]*)"|([^\s;,"]+))""")


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


def fetched(
    response: aiohttp.ClientResponse, shown: str, spool: Spool, *, declared: int | None, resumed: int
) -> Fetched:
    """Return the description of an answer whose body lies in the spool."""
    headers = response.headers
    content_hash = spool.content_hash()
    return Fetched(
        path=spool.path,
        size=spool.size,
        content_hash=content_hash,
        validators=Validators(headers.get("ETag"), headers.get("Last-Modified"), content_hash, spool.size),
        url=shown,
        declared_length=declared,
        content_type=response.content_type.lower() if "Content-Type" in headers else None,
        charset=response.charset,
        content_encoding=headers.get("Content-Encoding", "").strip().lower() or None,
        resumed=resumed,
        proven=declared is not None or "chunked" in headers.get("Transfer-Encoding", "").lower(),
        headers={
            name.lower(): ", ".join(headers.getall(name)) for name in headers if name.lower() not in _SECRET_HEADERS
        },
    )


def refusal(response: aiohttp.ClientResponse, shown: str, now: float) -> FetchError | FetchUnavailable:
    """Return the error that a status other than 200, 206 and 304 stands for. `now`: seconds since 1970."""
    status = response.status
    said = f"{shown} answered {status}"
    if status in (401, 403, 407):
        signed = status == 403 and is_signed(response.url)  # noqa: PLR2004
        return FetchError(FetchCode.SIGNATURE if signed else FetchCode.UNAUTHORIZED, said)
    if status in (404, 410):
        return FetchError(FetchCode.NOT_FOUND, said)
    if status in (202, 408, 425, 429, 503):
        return FetchUnavailable(FetchCode.BUSY, said, retry_after_s(response.headers.get("Retry-After"), now))
    if status >= 500:  # noqa: PLR2004
        return FetchUnavailable(FetchCode.SERVER_ERROR, said, retry_after_s(response.headers.get("Retry-After"), now))
    if status < 400:  # noqa: PLR2004
        return FetchError(FetchCode.PROTOCOL, f"{said} without a file")
    return FetchError(FetchCode.REFUSED, said)


def is_signed(url: URL) -> bool:
    """Return whether an address carries a signature, as object stores and CDNs hand them out."""
    return any(_SIGNATURE.search(unquote_plus(pair.partition("=")[0])) for pair in url.raw_query_string.split("&"))


def refuse_coding(response: aiohttp.ClientResponse, shown: str) -> None:
    """Raise `FetchError` when a server applies a content coding that we did not ask for and cannot undo.

    Names that are no codings (`utf-8` is a common mistake) mean nothing.
    """
    coding = response.headers.get("Content-Encoding", "").strip().lower()
    if coding in _CODINGS:
        raise FetchError(FetchCode.CONTENT_UNSUPPORTED, f"{shown} came in the content coding {coding}, unasked")


def retry_after_s(value: str | None, now: float) -> float | None:
    """Return the seconds that a Retry-After header asks for: a number, or a date."""
    if value is None:
        return None
    if value.strip().isdecimal() and len(value.strip()) < 10:  # noqa: PLR2004
        return float(value)
    moment = _date(value)
    return None if moment is None else max(moment.timestamp() - now, 0.0)


def strong_validator(response: aiohttp.ClientResponse) -> str | None:
    """Return what may stand in If-Range: a strong ETag, or a Last-Modified that is old enough. None: do not resume."""
    etag = response.headers.get("ETag")
    if etag is not None:
        return etag if etag.startswith('"') else None
    modified, date = _date(response.headers.get("Last-Modified")), _date(response.headers.get("Date"))
    if modified is None or date is None or (date - modified).total_seconds() < _STRONG_AFTER_S:
        return None
    return response.headers["Last-Modified"]


def names_version(response: aiohttp.ClientResponse, validator: str | None) -> bool:
    """Return whether an answer says itself that it is of the version that `strong_validator` named."""
    return validator is not None and validator in (response.headers.get("ETag"), response.headers.get("Last-Modified"))


def content_range(response: aiohttp.ClientResponse) -> tuple[int, int] | None:
    """Return the first byte and the whole length that a partial answer declares."""
    match = _RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
    return None if match is None else (int(match.group(1)), int(match.group(2)))


def _date(value: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


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


def next_link(header: str) -> str | None:
    """Return the target of the first link whose relation types hold `next`; None without one.

    Linear in the header (RFC 8288), which is a stranger's. aiohttp's `response.links` would do, but for its writing the
    target anew: a signed address must stay as it is.
    """
    for target, parameters in _LINK.findall(header):
        relation = _REL.search(parameters)
        if relation and "next" in (relation.group(1) or relation.group(2)).lower().split():
            return str(target)
    return None
