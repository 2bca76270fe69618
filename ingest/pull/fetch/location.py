"""A feed's address, read by RFC 1738, and the masked form of it that may be shown.

`http|https|ftp|ftps://user:password@host:port/path`: user name and password are percent-encoded; an FTP path is a
list of folders to enter one by one and a file, so `/%2Fdata/stock.csv` is absolute and `/data/stock.csv` lies below the
login folder; `;type=a` asks for a text transfer, `;type=i` (and none) for a binary one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

from yarl import URL

from ingest.pull.fetch.errors import FetchCode, FetchError

SCHEMES = ("http", "https", "ftp", "ftps")
MASK = "***"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HOST = re.compile(r"[^\s/?#@\\%]+")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_PLACE = re.compile(r"(\[[0-9a-fA-F:.]*\]|[^:\s]+)(:\d*)?")
_NAME = re.compile(r"[\w.\[\]-]{1,40}")
_READY = re.compile(r"[!-~]+")
"""Printable ASCII: the address is sent as it was written, for it may be signed."""
_FTP_TYPE = re.compile(r";type=(.*)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Location:
    """An address in parts. `port` is None when it stands for the scheme's own."""

    scheme: str
    host: str
    port: int | None
    shown: str
    user: str | None = field(repr=False)
    password: str | None = field(repr=False)
    target: str = field(repr=False)
    """Path and query as written: may hold secrets."""

    @property
    def is_ftp(self) -> bool:
        """Return whether this is FTP or FTPS."""
        return self.scheme in ("ftp", "ftps")

    def http_url(self) -> URL:
        """Return the address to ask for, without credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        written = f"{self.scheme}://{host}{port}{self.target or '/'}"
        try:
            return URL(written, encoded=bool(_READY.fullmatch(written)))
        except ValueError:
            raise FetchError(FetchCode.LOCATION, f"{self.shown} is not an address") from None

    def ftp_path(self) -> tuple[list[bytes], bytes, str]:
        """Return the folders to enter one by one, the file's name, and the transfer type, "I" or "A"."""
        path = urlsplit(f"ftp://host{self.target}", allow_fragments=False).path
        kind = _FTP_TYPE.search(path)
        transfer = "I" if kind is None else kind.group(1).upper()
        if transfer not in ("I", "A"):
            raise FetchError(FetchCode.LOCATION, f"{self.shown} asks for a transfer type other than a or i")
        segments = _FTP_TYPE.sub("", path).removeprefix("/").split("/")
        *folders, name = [unquote_to_bytes(segment) for segment in segments]
        if not name or any(_CONTROL.search(part.decode("latin-1")) for part in (*folders, name)):
            raise FetchError(FetchCode.LOCATION, f"{self.shown} does not name a file")
        if folders and not folders[0]:
            folders[0] = b"/"
        return [folder for folder in folders if folder], name, transfer


def parse(address: str) -> Location:
    """Return the parts of an address; raises `FetchError` (`location`) that does not show its credentials."""
    shown = masked(address)
    if _CONTROL.search(address):
        raise FetchError(FetchCode.LOCATION, "the address holds control characters")
    try:
        parts = urlsplit(address.strip(), allow_fragments=not address.lower().startswith("ftp"))
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise FetchError(FetchCode.LOCATION, f"{shown} is not an address") from None
    if parts.scheme not in SCHEMES:
        raise FetchError(FetchCode.LOCATION, f"{shown} is not an http, https, ftp or ftps address")
    if not _HOST.fullmatch(host) or port == 0:
        raise FetchError(FetchCode.LOCATION, f"{shown} has no usable host and port")
    user, password = _userinfo(parts)
    if _CONTROL.search(f"{user or ''}{password or ''}"):
        raise FetchError(FetchCode.LOCATION, f"{shown} has control characters in its credentials")
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    return Location(parts.scheme, host, port, shown, user, password, target)


def masked(address: str) -> str:
    """Return an address that may be shown: no user name, no password, no values of query parameters, no fragment.

    A user name can be an API key and so can any query value, so nothing of them is left. Takes any text: where a
    password with an unencoded `/`, `?`, `#` or `@` may have been cut in the wrong place, more is masked, not less.
    """
    scheme, separator, rest = address.strip().partition("://")
    if not separator or not _SCHEME.fullmatch(scheme):
        return MASK
    place, tail = _cut(rest, "/?#")
    if "@" in _cut(tail, "?#")[0] or ("@" in tail and ":" in rest.rpartition("@")[0]):
        _, at, rest = rest.rpartition("@")
    else:
        _, at, place = place.rpartition("@")
        rest = place + tail
    place, tail = _cut(rest, "/?#")
    path, tail = _cut(tail, "?#")
    query = _cut(tail, "#")[0]
    shown = f"{scheme}://{MASK + at if at else ''}{place if _PLACE.fullmatch(place) else MASK}{path}"
    return _CONTROL.sub("", shown + _masked_query(query))


def _masked_query(query: str) -> str:
    if not query:
        return ""
    pairs = [pair.partition("=") for pair in query.removeprefix("?").split("&")[:50]]
    # A name without a value may itself be the key: only `name=value` shows its name.
    return "?" + "&".join(f"{name}={MASK}" if value and _NAME.fullmatch(name) else MASK for name, _, value in pairs)


def _cut(text: str, marks: str) -> tuple[str, str]:
    """Return the text before the first of the marks, and the rest."""
    end = min((place for mark in marks if (place := text.find(mark)) >= 0), default=len(text))
    return text[:end], text[end:]


def _userinfo(parts: SplitResult) -> tuple[str | None, str | None]:
    userinfo, at, _ = parts.netloc.rpartition("@")
    if not at:
        return None, None
    user, colon, password = userinfo.partition(":")
    return _decoded(user), _decoded(password) if colon else None


def _decoded(text: str) -> str:
    """Percent-decode as UTF-8, or as Latin-1 where it is no UTF-8."""
    raw = unquote_to_bytes(text)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
