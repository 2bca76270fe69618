"""A feed's address, read by RFC 1738; `shown` is its masked form (`ingest.feeds.locations`).

`http|https|ftp|ftps://user:password@host:port/path`: user name and password are percent-encoded; an FTP path is a
list of folders to enter one by one and a file, so `/%2Fdata/stock.csv` is absolute and `/data/stock.csv` lies below the
login folder; `;type=a` asks for a text transfer, `;type=i` (and none) for a binary one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, unquote_to_bytes, urlsplit

from yarl import URL

from ingest.feeds.locations import SCHEMES, masked
from ingest.pull.fetch.errors import FetchCode, FetchError

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HOST = re.compile(r"[^\s/?#@\\%]+")
_ALLOWED = "!#$%&'()*+,/:;=?@[]~|{}^`\\"
"""Left as written: what RFC 3986 allows and, though it does not, what servers sign."""
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
        try:
            return as_url(f"{self.scheme}://{host}{port}{self.target or '/'}")
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


def as_url(address: str) -> URL:
    """Return an address to ask for as it is written, byte for byte, without fragment or userinfo; may be signed.

    Only what cannot stand in an address is encoded, once: spaces, quotes, what is not ASCII (a host by IDNA). Raises
    ValueError.
    """
    parts = urlsplit(address)
    host = parts.hostname or ""
    place = host if host.isascii() else host.encode("idna").decode("ascii")
    place = f"[{place}]" if ":" in place else place
    place += "" if parts.port is None else f":{parts.port}"
    path, query = (_encoded(text) for text in (parts.path, parts.query))
    target = f"{path or '/'}{'?' if query else ''}{query}"
    return URL(f"{parts.scheme}://{place}{target}", encoded=True)


def _encoded(text: str) -> str:
    return quote(text.encode("utf-8", "surrogateescape"), safe=_ALLOWED)


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
