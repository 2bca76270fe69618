"""The elements of the items of an XML file, as they end, from a tree that is kept small while it grows.

Constant memory: an item is let go once it was used, and everything closed between items with it. What items need of
the elements around them is read apart (`ahead`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from ingest.pull.parse.xml.beside import fields_beside, local
from ingest.pull.parse.xml.document import Document, begun, feed, new_parser, open_chain, written_name
from ingest.pull.parse.xml.flat import FlatItems, FlatReader
from ingest.pull.parse.xml.matcher import Matcher
from ingest.pull.records import MAX_RECORD_BYTES, FormatError, Report
from ingest.pull.trouble import ERRORS, error_among, is_trouble

_PRUNE_BYTES = 1 << 18
_AFTER_ROOT = 5  # XML_ERR_DOCUMENT_END
_HEAD_ELEMENTS = 1_000
_NEXT_PAGE = re.compile(rb"<(?:[A-Za-z][\w.-]{0,40}:)?link\s[^<>]{0,500}\brel\s{0,9}=\s{0,9}[\"']next[\"']")
"""As feeds of Atom have it (RFC 5005), before their items."""
_ERRORS = frozenset(change(name) for name in ERRORS for change in (str.lower, str.upper, str.capitalize))


@dataclass(slots=True)
class Ended:
    """Items that ended in a block of the file, what surrounds each, and the one of them that is too large to be used.

    `elements` is a list of them, or FlatItems; `head` is what the one that is too large begins with.

    `suspect`: they may hold U+FFFD in place of what XML cannot have.
    """

    elements: Any = field(default_factory=list)
    around: list[Any] = field(default_factory=list)
    too_large: Any = None
    head: Any = None
    suspect: bool = False


class XmlStream:
    """Parses one document. `around(element)` is asked for every element that stands where an item does, in order;
    `flat` takes items without parsing them.
    """

    def __init__(
        self,
        document: Document,
        report: Report,
        matcher: Matcher,
        flat: FlatReader,
        around: Callable[[Any], Any] | None,
    ) -> None:
        self._document, self._report, self._matcher, self._around = document, report, matcher, around
        self._flat = flat
        self._parser: Any = None
        self._unpruned = self._unused = 0
        self._open_too_large: Any = None
        self._head: Any = None
        self._suspect = False
        """Whether what was read since the last item, or with it, may hold U+FFFD in place of what XML cannot have."""
        self._looked = False
        self.root: Any = None
        self.marks_found = 0
        """Marks of faulty references that were found in items; those that are left lie around them."""

    def items(self) -> Iterator[Ended]:
        """Yield the items that ended in each block of the file.

        The elements are emptied when the next ones are asked for. Raises FormatError for what is no acceptable XML.
        """
        beginning = begun(self._document.blocks())
        if beginning is None:
            return
        root, blocks = beginning
        self._parser = new_parser(("start", "end"), (self._matcher.tag, *(f"{{*}}{name}" for name in (root, *_ERRORS))))
        for piece in self._pieces(blocks):
            if isinstance(piece, FlatItems):
                self._unused = 0
                yield Ended(piece)
                continue
            error = self._feed(piece)
            ended = self._ended()
            if error is None and self.root is not None and (piece is None or not self._looked):
                self._look_beside()
            size = len(piece or b"")
            self._unpruned += size
            self._unused = 0 if ended.elements else self._unused + size
            found = bool(ended.elements)
            self._flat.follow(piece or b"", ended.elements)
            if found:
                ended.too_large, self._open_too_large = self._open_too_large, None
                ended.head, self._head = self._head, None
                ended.suspect, self._suspect = self._is_suspect(), self._document.suspect
                yield ended
                self._drop(ended)
            if self.root is not None and (found or self._unpruned >= _PRUNE_BYTES):
                self._unpruned = 0
                self._prune()
            if error is not None:
                self._report.page_fields.clear()
                self._report.break_off(_reason(error, at_end=piece is None, in_column=not self._flat.has_cut))
                return

    def _pieces(self, blocks: Iterator[bytes]) -> Iterator[FlatItems | bytes | None]:
        """Yield the file in order: items that need no parser, what has to be parsed, None for the end."""
        waiting = b""
        first = True
        for block in blocks:
            if first and _NEXT_PAGE.search(block):
                self._report.break_off("the document names a next page (link), and only JSON is read page by page")
            first = False
            self._suspect |= self._document.suspect
            data = waiting + block
            items, waiting = (None, data) if self._is_suspect() else self._flat.cut(data)
            if items is None:
                end = self._flat.end(data)
                waiting = data[end:]
                yield data[:end]
            else:
                yield items
        if waiting:
            yield waiting
        yield None

    def _is_suspect(self) -> bool:
        return self._suspect or self._document.references.marked > self.marks_found

    def _feed(self, data: bytes | None) -> Any:
        """Feed the parser, which counts lines, with those of the items that it has not seen first."""
        lines = self._flat.lines_left()
        if lines:
            feed(self._parser, b"<!--%b-->" % lines)
        return feed(self._parser, data)

    def _ended(self) -> Ended:
        ended = Ended()
        matcher, take = self._matcher, ended.elements.append
        plain = matcher.is_plain and self._around is None
        for event, element in self._parser.read_events():
            if event == "end":
                if not matcher.stands(element):
                    self._doubt(element)
                    continue
                if plain and not matcher.is_nested:
                    take(element)
                else:
                    self._take(element, ended)
            elif self.root is None:
                self.root = element
        return ended

    def _look_beside(self) -> None:
        """Note what stands around the items, at the beginning and the end of the document; doubt it for an error."""
        self._looked = True
        fields = fields_beside(self.root, self._matcher.stands)
        self._report.page_fields.update(fields)
        failed = error_among(fields.items())
        if failed is not None:
            self._report.break_off(f"{failed}, beside the items, tells of an error")

    def _doubt(self, element: Any) -> None:
        """Doubt a document that tells of an error beside its items."""
        name = local(element.tag)
        is_beside = name in _ERRORS and (element.getparent() is self.root or self._matcher.is_beside)
        if is_beside and is_trouble(_leaves(element)):
            told = " ".join(" ".join([*element.attrib.values(), *element.itertext()]).split())
            self._report.break_off(f"an element <{name}> beside the items tells of an error: {told[:80]!r}")

    def _take(self, element: Any, ended: Ended) -> None:
        if self._matcher.is_nested:
            raise FormatError(
                f"itemPath finds <{written_name(element)}> inside <{written_name(element)}>, so it is not clear which "
                "of them are items: write the whole way from the root, such as /products/product"
            )
        around = None if self._around is None else self._around(element)
        if self._matcher.fulfils(element):
            ended.elements.append(element)
            ended.around.append(around)

    def _drop(self, ended: Ended) -> None:
        """Empty these items, of each parent the last too, which libxml2 still adds to. Empties the list."""
        parents = [parent for parent in dict.fromkeys(map(_parent_of, ended.elements)) if parent is not None]
        used = set(ended.elements)
        lasts = [last for parent in parents if len(parent) and (last := parent[-1]) in used]
        for last in lasts:
            last.clear(keep_tail=True)
        # Without their Python objects, elements are freed as they are taken out, instead of being moved elsewhere.
        last = ended.too_large = None
        used.clear()
        lasts.clear()
        ended.elements.clear()
        for parent in parents:
            del parent[:-1]

    def _prune(self) -> None:
        """Cut back what lies between items: every closed child of the open elements."""
        for node in open_chain(self.root):
            if self._matcher.stands(node):
                if self._unused < MAX_RECORD_BYTES:
                    return
                if node is not self._open_too_large:
                    self._open_too_large, self._head = node, _head_of(node)
            del node[:-1]


def _leaves(element: Any) -> Iterator[tuple[str, str]]:
    """Yield the attributes and texts of an element and those in it, by name; its own text has none."""
    for each in element.iter(etree.Element):
        yield from ((local(name), value) for name, value in each.attrib.items())
        if each.text and each.text.strip():
            yield "" if each is element else local(each.tag), each.text


def _reason(error: Any, *, at_end: bool, in_column: bool) -> str:
    """Return why parsing ended; the column is not known where the parser has not seen all of the line."""
    message = str(error.msg or error)
    if not in_column:
        message = message.removesuffix(f", column {error.position[1]}")
    if at_end:
        return f"the file breaks off: {message}"
    if error.code == _AFTER_ROOT:
        return f"something follows the end of the document, in line {error.position[0]}: it has more than one root"
    return f"not well-formed XML: {message}"


def _head_of(element: Any) -> Any:
    """Return an element with the attributes and first plain children of one that goes on."""
    head = etree.Element(element.tag, dict(element.attrib), nsmap=element.nsmap)
    head.extend(copy(child) for child in element[:-1][:_HEAD_ELEMENTS] if not len(child))
    return head


def _parent_of(element: Any) -> Any:
    return element.getparent()
