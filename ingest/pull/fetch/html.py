"""Whether a file is in truth an HTML page: nearly always a login or error page.

Decided by how the content begins, for many servers call CSV text/html, and some call their login page text/csv. A
scanner, not a pattern: what stands in front of a page (a declaration, comments) is passed over once.
"""

from __future__ import annotations

from ingest.pull.fetch.errors import FetchCode, FetchError
from ingest.pull.fetch.request import Fetched
from ingest.pull.fetch.unpack import open_content

_HEAD_BYTES = 2_048
_SPACE = "\ufeff \t\r\n\f"
_PASSED_OVER = (("<!--", "-->"), ("<?", ">"))
_PAGE = ("html",)
_PARTS = frozenset(
    [
        "head",
        "title",
        "meta",
        "link",
        "base",
        "body",
        "script",
        "style",
        "div",
        "center",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "p",
        "form",
        "table",
        "br",
        "b",
        "iframe",
    ]
)
_NAME_ENDS = frozenset(" \t\r\n\f/>")
_LONGEST_NAME = 10


def refuse_html(fetched: Fetched) -> None:
    """Raise `FetchError` (`html`) when a file is in truth a web page: nearly always a login or error page.

    Decided by how the content begins (`begins_html`): labels lie.
    """
    try:
        with open_content(fetched.path, content_encoding=fetched.content_encoding) as reader:
            head = reader.read(_HEAD_BYTES)
    except FetchError:
        return  # an archive that cannot be opened: the parser's open says why
    if begins_html(_text(head), labelled=fetched.content_type in ("text/html", "application/xhtml+xml")):
        raise FetchError(FetchCode.HTML, f"{fetched.url} answered an HTML page where a file was expected")


def begins_html(text: str, *, labelled: bool = False) -> bool:
    """Return whether a text begins as an HTML page does; no format that we read begins like this.

    `labelled`: the server calls it text/html, which merely makes us look for more than `<html>`. Linear in the text.
    """
    at = _markup(text)
    if text[at : at + 9].lower() == "<!doctype":
        after = text[at + 9 : at + 200].lstrip(_SPACE)
        return text[at + 9 : at + 10] in _NAME_ENDS and _name(after, 0) in _PAGE
    if text[at : at + 1] != "<":
        return False
    name = _name(text, at + 1)
    return name in _PAGE or (labelled and name in _PARTS)


def _markup(text: str) -> int:
    """Return where the first tag or doctype begins, behind white space, comments and a declaration."""
    at = 0
    while True:
        while text[at : at + 1] and text[at] in _SPACE:
            at += 1
        ends = next((end for start, end in _PASSED_OVER if text.startswith(start, at)), None)
        if ends is None:
            return at
        found = text.find(ends, at + 2)
        if found < 0:
            return len(text)
        at = found + len(ends)


def _name(text: str, at: int) -> str | None:
    """Return the name in lower case that stands here and is ended by a sign; None for none."""
    for end in range(at, min(at + _LONGEST_NAME, len(text))):
        if text[end] in _NAME_ENDS:
            return text[at:end].lower()
    return None


def _text(head: bytes) -> str:
    """Decode enough to recognise a tag; UTF-16 by its byte order mark."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head.decode("utf-16", "replace")
    return head.decode("utf-8", "replace")
