"""The elements of the items of an XML file, as they end, from a tree that is kept small while it grows.

Safe: no entity is resolved, no DTD or file or address loaded, documents that declare entities are refused (so no
billion laughs, no quadratic blow-up), libxml2's limits stay on (text of 10 MB, depth). Constant memory: an item is let
go once it was used; what lies between items is cut back every 256 KiB, except the first children of each open element,
which are the header that `../currency` may point to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from lxml import etree

from ingest.feeds.mapping import FormatSettings, encoding_name
from ingest.feeds.xpaths import ItemPath
from ingest.pull.parse.encoding import Decoder, utf8_of
from ingest.pull.parse.formats import refuse_other_format
from ingest.pull.parse.source import Source
from ingest.pull.records import MAX_RECORD_BYTES, FormatError, Report, blocks_of

HEADER_CHILDREN = 32
_PRUNE_BYTES = 1 << 18
_DECLARED = re.compile(r"""\A\s*<\?xml[^>]{0,100}?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
_ENTITY = re.compile(r"<!DOCTYPE[^>\[]*\[.*?<!ENTITY", re.DOTALL)
_PROLOG = re.compile(r"<\?.*?\?>|<!--.*?-->|<!DOCTYPE(?:[^\[>]|\[.*?\])*>", re.DOTALL)
_ROOT = re.compile(r"\A\s*<([^\W\d][\w.:-]*)")
_NO_ENTITIES = "the document declares entities, which are refused (they can make a small file endless)"
_CONTROLS = bytes(set(range(32)) - {9, 10, 13})
_CONTROL = re.compile(b"[" + re.escape(_CONTROLS) + b"]")
_REPLACEMENT = "\ufffd".encode()
_AFTER_ROOT = 5  # XML_ERR_DOCUMENT_END


class Matcher:
    """Whether an element is an item: its name and its ancestors' by `itemPath`, and its own content by the condition.

    A name without a prefix means an element that is written without one, in whatever default namespace.
    """

    def __init__(self, path: ItemPath, namespaces: Mapping[str, str]) -> None:
        self._steps = [
            (anywhere, None if prefix is None else namespaces[prefix], name) for anywhere, prefix, name in path.steps
        ]
        self._predicate = (
            etree.XPath(f"boolean({path.predicate})", namespaces=dict(namespaces) or None) if path.predicate else None
        )
        self._parent: Any = None
        self._parent_fits = False
        self._last_tag: str | None = None
        self._last_fits = False
        _, uri, name = self._steps[-1]
        self._any_prefix = uri is not None or name == "*"
        self.tag = f"{{{uri}}}{name}" if uri else f"{{*}}{name}"

    def __call__(self, element: Any) -> bool:
        """Return whether this element, which has ended, is an item."""
        return self.named(element) and (self._predicate is None or bool(self._predicate(element)))

    def named(self, element: Any) -> bool:
        """Return whether this element stands where an item does."""
        parent = element.getparent()
        if parent is not self._parent or parent is None:
            self._parent = parent
            self._parent_fits = self._under(parent, len(self._steps) - 1)
        if not self._parent_fits:
            return False
        tag = element.tag
        if tag != self._last_tag:  # mostly it is that of the one before
            self._last_tag, self._last_fits = tag, self._is_named(tag, len(self._steps) - 1)
        return self._last_fits and (self._any_prefix or element.prefix is None)

    def _fits(self, element: Any, step: int) -> bool:
        _, uri, name = self._steps[step]
        return self._is_named(element.tag, step) and (uri is not None or name == "*" or element.prefix is None)

    def _is_named(self, tag: str, step: int) -> bool:
        _, uri, name = self._steps[step]
        return name in ("*", tag.rpartition("}")[2]) and (uri is None or tag.startswith(f"{{{uri}}}"))

    def _under(self, parent: Any, step: int) -> bool:
        """Return whether the steps before `step` lead to this parent."""
        anywhere = self._steps[step][0]
        if step == 0:
            return anywhere or parent is None
        while parent is not None:
            if self._fits(parent, step - 1) and self._under(parent.getparent(), step - 1):
                return True
            if not anywhere:
                return False
            parent = parent.getparent()
        return False


class XmlStream:
    """Parses one file. `default_namespace` is the root's; `suspect` is set while the items last yielded may hold U+FFFD
    in place of bytes or characters that XML cannot have.
    """

    def __init__(
        self, source: Source, settings: FormatSettings, report: Report, charset: str | None, matcher: Matcher
    ) -> None:
        self._blocks, self._ahead = blocks_of(source), source.ahead
        self._settings, self._report, self._charset = settings, report, charset
        self._is_item = matcher
        self._parser: Any = None
        self._parent: Any = None
        self._unpruned = self._unused = 0
        self._open_too_large: Any = None
        self.root: Any = None
        self.suspect = False

    def items(self) -> Iterator[tuple[list[Any], Any]]:
        """Yield the items that ended in each block of the file, and the one of them that is too large to be used.

        The elements are emptied when the next ones are asked for. Raises FormatError for what is no acceptable XML.
        """
        for data in self._utf8():
            if self._parser is None:
                self._parser = self._new_parser(data)
            error = self._feed(data)
            ended = self._ended()
            self._unpruned += len(data)
            self._unused = 0 if ended else self._unused + len(data)
            if ended:
                too_large, self._open_too_large = self._open_too_large, None
                yield ended, too_large
                too_large = None
                self._drop(ended)
            if self._unpruned >= _PRUNE_BYTES:
                self._unpruned = 0
                self._prune()
            if error is not None:
                if error.code != _AFTER_ROOT:
                    self._report.break_off(f"not well-formed XML: {error.msg or error}")
                return
        if self._parser is not None:
            try:
                self._parser.close()
            except etree.XMLSyntaxError as error:
                self._report.break_off(f"the file breaks off: {error.msg or error}")

    def _utf8(self) -> Iterator[bytes]:
        first = next(self._blocks, b"")
        if not first:
            return
        blocks = utf8_of(chain([first], self._blocks), self._decoder(first), self._report)
        for block, suspect in blocks:
            data, self.suspect = block, suspect
            if len(data.translate(None, _CONTROLS)) != len(data):
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
        return Decoder(self._settings.encoding or (None if by_mark else name), self._charset, self._ahead)

    def _new_parser(self, data: bytes) -> Any:
        start = data.decode("utf-8", "ignore").lstrip("\ufeff")
        refuse_other_format(start, "XML")
        if _ENTITY.search(start):
            raise FormatError(_NO_ENTITIES)
        root = _ROOT.search(_PROLOG.sub("", start))
        if root is None:
            raise FormatError(f"expected XML, got a file that begins {start[:60]!r}")
        return etree.XMLPullParser(
            events=("start", "end"),
            tag=(self._is_item.tag, f"{{*}}{root[1].rpartition(':')[2]}"),
            encoding="utf-8",
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            dtd_validation=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
            recover=False,
        )

    def _feed(self, data: bytes) -> Any:
        try:
            self._parser.feed(data)
        except etree.XMLSyntaxError as error:
            return error
        return None

    def _ended(self) -> list[Any]:
        ended = []
        for event, element in self._parser.read_events():
            if event == "end":
                if self._is_item(element):
                    ended.append(element)
            elif self.root is None:
                self.root = element
                dtd = element.getroottree().docinfo.internalDTD
                if dtd is not None and any(True for _ in dtd.iterentities()):
                    raise FormatError(_NO_ENTITIES)
        return ended

    def _drop(self, ended: list[Any]) -> None:
        """Let go of these items, of each parent's all but the last, which libxml2 still adds to. Empties the list."""
        used = set(ended)
        parents = [parent for parent in dict.fromkeys(map(_parent_of, ended)) if parent is not None]
        for parent in parents:
            for element in parent[:HEADER_CHILDREN]:
                if element in used:  # never one that is still open
                    element.clear(keep_tail=True)
            element = None
        # Without their Python objects, elements are freed as they are taken out, instead of being moved elsewhere.
        used.clear()
        ended.clear()
        for parent in parents:
            del parent[HEADER_CHILDREN:-1]
            if parent is not self._parent:
                self._parent = ancestor = parent
                while ancestor is not None:
                    _drop_before(ancestor)
                    ancestor = ancestor.getparent()

    def _prune(self) -> None:
        """Cut back what lies between items: every closed child of the open elements, past their first ones."""
        node = self.root
        while node is not None and len(node):
            if self._is_item.named(node):
                if self._unused < MAX_RECORD_BYTES:
                    return
                self._open_too_large = node
            if len(node) > HEADER_CHILDREN + 1:
                del node[HEADER_CHILDREN:-1]
            node = node[-1]


def _parent_of(element: Any) -> Any:
    return element.getparent()


def _drop_before(element: Any) -> None:
    previous = element.getprevious()
    while previous is not None and previous.tag == element.tag:
        element.getparent().remove(previous)
        previous = element.getprevious()
