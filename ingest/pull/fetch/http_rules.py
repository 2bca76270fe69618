"""What an HTTP answer says, read from its status and headers. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import PurePosixPath
from urllib.parse import unquote_plus

import aiohttp
from yarl import URL

from ingest.pull.fetch.errors import FetchCode, FetchError, FetchUnavailable
from ingest.pull.fetch.request import Fetched, Validators
from ingest.pull.fetch.spool import Spool

_RANGE = re.compile(r"bytes\s+(\d+)-\d+/(\d+)")
_SECRET_HEADERS = frozenset(("set-cookie", "set-cookie2", "authorization", "www-authenticate", "location"))
_CODINGS = frozenset(("br", "compress", "deflate", "x-compress", "zstd", "dcb", "dcz"))
_SIGNATURE = re.compile(r"(?i)(^|[-_])(sig|signature|hmac)$|^x-(amz|goog|oss)-")
_STRONG_AFTER_S = 60
"""A Last-Modified this much older than the answer's Date is a strong validator (RFC 9110, 8.8.2.2)."""


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
        suggested_name=_name(response),
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


def _name(response: aiohttp.ClientResponse) -> str | None:
    """Return the file name that the server suggests, without any folder, or the last part of the path."""
    disposition = response.content_disposition
    name = (disposition.filename if disposition else None) or response.url.name
    return PurePosixPath(name.replace("\\", "/")).name or None
