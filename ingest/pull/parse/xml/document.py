"""An XML document as blocks of clean UTF-8, and the parser that it is fed to.

Safe: no entity is resolved, no DTD or file or address loaded, documents that declare entities are refused (so no
billion laughs, no quadratic blow-up), libxml2's limits stay on (text of 10 MB, depth).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

from lxml import etree

from ingest.feeds.mapping import FormatSettings, encoding_name
from ingest.pull.parse.encoding import Decoder, utf8_of
from ingest.pull.parse.formats import refuse_other_format
from ingest.pull.parse.source import Source
from ingest.pull.parse.xml.references import References
from ingest.pull.records import MAX_RECORD_BYTES, FormatError, Report, blocks_of

_DECLARED = re.compile(r"""\s*<\?xml[^>]{0,100}?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
_CONTROLS = bytes(set(range(32)) - {9, 10, 13})
_CONTROL = re.compile(b"[" + re.escape(_CONTROLS) + b"]")
_REPLACEMENT = "\ufffd".encode()
_PROBED_AT_ONCE = 1 << 12
_SAFE: dict[str, Any] = {
    "encoding": "utf-8",
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "dtd_validation": False,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
    "recover": False,
}
_NO_ENTITIES = "the document declares entities, which are refused (they can make a small file endless)"


class Document:
    """The blocks of one reading of a document. `suspect` says of the last block that U+FFFD was put in it for bytes or
    characters that XML cannot have; `references` counts what was marked.
    """

    def __init__(self, source: Source, settings: FormatSettings, report: Report, charset: str | None) -> None:
        self._source, self._settings, self._report, self._charset = source, settings, report, charset
        self.references = References()
        self.suspect = False

    def blocks(self) -> Iterator[bytes]:
        """Yield the document in UTF-8, without white space before it and padding behind it."""
        blocks = blocks_of(self._source)
        first = next(blocks, b"")
        if not first:
            return
        decoded = utf8_of(chain([first], blocks), self._decoder(first), self._report)
        for block, suspect in self.references.passed(decoded):
            data, self.suspect = block, suspect
            if any(map(data.__contains__, _CONTROLS)):  # each is looked for a word at a time
                data, self.suspect = _CONTROL.sub(_REPLACEMENT, data), True
            yield data

    def _decoder(self, block: bytes) -> Decoder:
        declared = _DECLARED.match(block.removeprefix(b"\xef\xbb\xbf").decode("latin-1"))
        name = None
        if declared is not None:
            try:
                name = encoding_name(declared[1])
            except ValueError as error:
                raise FormatError(f"the XML declaration says: {error}; set the feed's encoding") from None
        by_mark = name in (None, "utf-8") or name.startswith(("utf-16", "utf-32"))
        return Decoder(self._settings.encoding or (None if by_mark else name), self._charset, self._source.ahead)


def new_parser(events: tuple[str, ...], tags: tuple[str, ...] | None = None) -> Any:
    """Return a parser that is fed blocks and gives events of elements with these tags."""
    return etree.XMLPullParser(events=events, tag=tags, **_SAFE)


def item_parser() -> Any:
    """Return a parser of a document of items that were parsed before, or are like some that were."""
    return etree.XMLParser(**_SAFE)


def feed(parser: Any, data: bytes | None) -> Any:
    """Feed a block, or the end (None); return the error that ends the parsing, or None."""
    try:
        parser.close() if data is None else parser.feed(data)
    except etree.XMLSyntaxError as error:
        return error
    return None


def begun(blocks: Iterator[bytes]) -> tuple[str, Iterator[bytes]] | None:
    """Return the local name of the root, and all blocks from the first on; None for an empty document.

    Raises FormatError for what is no XML, and for a document that declares entities.
    """
    parser, taken, size = new_parser(("start",)), [], 0
    for block in blocks:
        taken.append(block)
        size += len(block)
        if len(taken) == 1:
            refuse_other_format(block[:_PROBED_AT_ONCE].decode("utf-8", "ignore"), "XML")
        for at in range(0, len(block), _PROBED_AT_ONCE):
            error = feed(parser, block[at : at + _PROBED_AT_ONCE])
            root = _root(parser)
            if root is not None:
                return root, chain(taken, blocks)
            if error is not None:
                raise _no_xml(taken[0], f": {error.msg or error}")
        if size > MAX_RECORD_BYTES:
            break
    if not taken:
        return None
    feed(parser, None)  # a document of a few bytes begins when it ends
    root = _root(parser)
    if root is None:
        raise _no_xml(taken[0], ", without any element")
    return root, chain(taken, blocks)


def _root(parser: Any) -> str | None:
    """Return the name of the root, if it has begun."""
    root = next((element for _, element in parser.read_events()), None)
    if root is None:
        return None
    dtd = root.getroottree().docinfo.internalDTD
    if dtd is not None and any(True for _ in dtd.iterentities()):
        raise FormatError(_NO_ENTITIES)
    return str(root.tag.rpartition("}")[2])


def _no_xml(block: bytes, why: str) -> FormatError:
    return FormatError(f"expected XML, got a file that begins {block[:60].decode('utf-8', 'ignore')!r}{why}")


def written_name(element: Any) -> str:
    """Return an element's name as it is written: with its prefix."""
    local = element.tag.rpartition("}")[2] if element.tag.__class__ is str else "?"
    return f"{element.prefix}:{local}" if element.prefix else local


def open_chain(root: Any) -> Iterator[Any]:
    """Yield the root and the last child of each, in turn: every open element is among them."""
    node = root
    while node is not None:
        yield node
        node = node[-1] if len(node) else None
