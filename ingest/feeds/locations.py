"""Addresses of files and their secrets: checked, masked wherever they are shown, and made whole again when sent back.

An address may carry credentials as `user:password@` (RFC 1738), in query parameters of any name, and as a token in its
path. Shown is `********` in their place, in answers, errors and logs alike. An address sent back with a mask keeps what
is stored there, but only for the same server: else whoever may edit a feed could have them sent to one of their own.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

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
