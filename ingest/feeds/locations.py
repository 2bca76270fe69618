"""Addresses of files and their secrets: read by RFC 1738, masked where they are shown, made whole when sent back.

An address may carry credentials as `user:password@` (RFC 1738), in query parameters of any name, and as a token in its
path. Shown is `********` in their place, in answers, errors and logs alike. An address sent back with a mask keeps what
is stored there, but only for the same server: else whoever may edit a feed could have them sent to one of their own.

`http|https|ftp|ftps://user:password@host:port/path`: user name and password are percent-encoded; an FTP path is a
list of folders to enter one by one and a file, so `/%2Fdata/stock.csv` is absolute and `/data/stock.csv` lies below the
login folder; `;type=a` asks for a text transfer, `;type=i` (and none) for a binary one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, unquote_to_bytes, urlsplit

from yarl import URL

from schemas.secrets import MASK

SCHEMES = ("http", "https", "ftp", "ftps")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f\\]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_PLACE = re.compile(r"(\[[0-9a-fA-F:.]*\]|[^:\s]+)(:\d*)?")
_NAME = re.compile(r"[\w.\[\]-]{1,40}")
_MAX_PAIRS = 50
_LONG_RUN, _MIXED_RUN, _TOKEN_DIGITS, _TOKEN_LETTERS = 16, 10, 2, 2
_NUMBERS = re.compile(r"[0-9]+")
_RUNS = re.compile(r"[A-Za-z0-9]+")
_HEX, _UUID_DIGITS = frozenset("0123456789abcdefABCDEF"), 32
_NAMES_A_SECRET = re.compile(
    r"(access|api|auth|private)?(key|token)|(client)?secret|access|auth|code|hash|pass(word)?|pwd?|session(id)?|sid"
    r"|sig(nature)?"
)
"""Folders behind which a secret stands: /token/abc/stock.csv."""
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
        return as_url(f"{self.scheme}://{host}{port}{self.target or '/'}")

    def ftp_path(self) -> tuple[list[bytes], bytes, str]:
        """Return the folders to enter one by one, its name and the transfer type ("I" or "A"); raises ValueError."""
        path = self.target  # FTP has no queries: a question mark is one of the name
        kind = _FTP_TYPE.search(path)
        transfer = "I" if kind is None else kind.group(1).upper()
        if transfer not in ("I", "A"):
            raise ValueError(f"{self.shown} asks for a transfer type other than a or i")
        segments = _FTP_TYPE.sub("", path).removeprefix("/").split("/")
        *folders, name = [unquote_to_bytes(segment) for segment in segments]
        if not name or any(_CONTROL.search(part.decode("latin-1")) for part in (*folders, name)):
            raise ValueError(f"{self.shown} does not name a file")
        if folders and not folders[0]:
            folders[0] = b"/"
        return [folder for folder in folders if folder], name, transfer


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


def parse(address: str) -> Location:
    """Return the parts of an address that can be fetched; raises ValueError that does not show its credentials."""
    shown = masked(address)
    if _CONTROL.search(address):
        raise ValueError("the address holds control characters")
    try:
        parts = urlsplit(address.strip(), allow_fragments=not address.lower().startswith("ftp"))
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(f"{shown} is not an address") from None
    if parts.scheme not in SCHEMES:
        raise ValueError(f"{shown} is not an http, https, ftp or ftps address")
    if not _HOST.fullmatch(host) or port == 0:
        raise ValueError(f"{shown} has no usable host and port")
    user, password = _userinfo(parts)
    if _CONTROL.search(f"{user or ''}{password or ''}"):
        raise ValueError(f"{shown} has control characters in its credentials")
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    location = Location(parts.scheme, host, port, shown, user, password, target)
    if location.is_ftp:
        location.ftp_path()
        return location
    try:
        location.http_url()
    except ValueError:
        raise ValueError(f"{shown} is not an address") from None
    return location


def masked(address: str) -> str:
    """Return an address that may be shown: no userinfo, no values of query parameters, no token of a path, no fragment.

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
    shown = f"{scheme}://{MASK + at if at else ''}{place if _PLACE.fullmatch(place) else MASK}"
    return _CONTROL.sub("", f"{shown}{_masked_path(path)}{_masked_query(query)}")


def unmasked(location: str, stored: str | None) -> str:
    """Return an address with what is stored in place of masks; raises ValueError when there is nothing for one."""
    if MASK not in location:
        return location
    parts, before = urlsplit(location), urlsplit(stored or "")
    if origin(parts) != origin(before):
        raise ValueError("the server changed: send the credentials again")
    userinfo, _, host = parts.netloc.rpartition("@")
    netloc = f"{before.netloc.rpartition('@')[0]}@{host}" if userinfo == MASK else parts.netloc
    path = "/".join(_restored(parts.path.split("/"), before.path.split("/")))
    query = "&".join(_restored_pairs(parts.query.split("&"), before.query.split("&")))
    result = parts._replace(netloc=netloc, path=path, query=query).geturl()
    if MASK in result:
        raise ValueError("holds a mask for which nothing is stored")
    return result


def origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port: where credentials may go."""
    return parts.scheme.lower(), parts.hostname, parts.port


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


def _masked_path(path: str) -> str:
    segments = path.split("/")
    return "/".join(
        _masked_segment(segment, segments[place - 1] if place else "") for place, segment in enumerate(segments)
    )


def _masked_segment(segment: str, before: str) -> str:
    """Mask a part of a path that looks like a token, or that stands behind a name of one; its suffix stays."""
    name, dot, suffix = segment.partition(".")
    digits = name.replace("-", "")
    is_uuid = len(digits) == _UUID_DIGITS and _HEX.issuperset(digits)
    is_token = is_uuid or any(map(_is_random, _RUNS.findall(name)))
    is_named = bool(segment) and _NAMES_A_SECRET.fullmatch(re.sub(r"[^a-z]", "", before.lower())) is not None
    if ";" in segment:  # parameters of a segment, such as ;jsessionid=…; FTP's ;type=a is none
        first, *rest = segment.split(";")
        masks = [pair if pair.lower().startswith("type=") else f"{pair.partition('=')[0]}={MASK}" for pair in rest]
        return ";".join([_masked_segment(first, before), *masks])
    return f"{MASK}{dot}{suffix}" if is_token or is_named else segment


def _is_random(run: str) -> bool:
    """Return whether letters and digits in a row look drawn by lot: long and of both, or mixed again and again."""
    digits = sum(map(str.isdigit, run))
    if not _TOKEN_DIGITS <= digits <= len(run) - _TOKEN_LETTERS:
        return False
    return len(run) >= _LONG_RUN or (len(run) >= _MIXED_RUN and len(_NUMBERS.findall(run)) > 1)


def _masked_query(query: str) -> str:
    if not query:
        return ""
    pairs = [pair.partition("=") for pair in query.removeprefix("?").split("&")[:_MAX_PAIRS]]
    # A name without a value may itself be the key: only `name=value` shows its name.
    return "?" + "&".join(f"{name}={MASK}" if value and _NAME.fullmatch(name) else MASK for name, _, value in pairs)


def _restored(segments: list[str], stored: list[str]) -> list[str]:
    """Put the stored segments in place of those that show a mask and are otherwise the same."""
    shown = _masked_path("/".join(stored)).split("/")
    return [
        stored[place] if MASK in segment and shown[place : place + 1] == [segment] else segment
        for place, segment in enumerate(segments)
    ]


def _restored_pairs(pairs: list[str], stored: list[str]) -> list[str]:
    """Put stored values in place of masks: by the parameter's name, those of one name in their order."""
    waiting: dict[str, list[str]] = {}
    for pair in stored:
        waiting.setdefault(_masked_query(pair).removeprefix("?"), []).append(pair)
    return [waiting[pair].pop(0) if MASK in pair and waiting.get(pair) else pair for pair in pairs]


def _cut(text: str, marks: str) -> tuple[str, str]:
    """Return the text before the first of the marks, and the rest."""
    end = min((place for mark in marks if (place := text.find(mark)) >= 0), default=len(text))
    return text[:end], text[end:]


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
