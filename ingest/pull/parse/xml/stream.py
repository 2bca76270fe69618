"""The elements of the items of an XML file, as they end, from a tree that is kept small while it grows.

Constant memory: an item is let go once it was used, and everything closed between items with it. What items need of
the elements around them is read apart (`ahead`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from ingest.pull.parse.xml.document import Document, begun, feed, new_parser, open_chain
from ingest.pull.parse.xml.matcher import Matcher
from ingest.pull.records import MAX_RECORD_BYTES, FormatError, Report

_PRUNE_BYTES = 1 << 18
_AFTER_ROOT = 5  # XML_ERR_DOCUMENT_END


@dataclass(slots=True)
class Ended:
    """Items that ended in a block of the file, what surrounds each, and the one of them that is too large to be used.

    `suspect`: they may hold U+FFFD in place of what XML cannot have.
    """

    elements: list[Any] = field(default_factory=list)
    around: list[Any] = field(default_factory=list)
    too_large: Any = None
    suspect: bool = False


class XmlStream:
    """Parses one document. `around(element)` is asked for every element that stands where an item does, in order."""

    def __init__(
        self, document: Document, report: Report, matcher: Matcher, around: Callable[[Any], Any] | None
    ) -> None:
        self._document, self._report, self._matcher, self._around = document, report, matcher, around
        self._parser: Any = None
        self._unpruned = self._unused = 0
        self._open_too_large: Any = None
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
        self._parser = new_parser(("start", "end"), (self._matcher.tag, f"{{*}}{root}"))
        for data in chain(blocks, [None]):
            error = feed(self._parser, data)
            ended = self._ended()
            self._unpruned += len(data or b"")
            self._unused = 0 if ended.elements else self._unused + len(data or b"")
            found = bool(ended.elements)
            if found:
                ended.too_large, self._open_too_large = self._open_too_large, None
                ended.suspect = self._document.suspect or self._document.references.marked > self.marks_found
                yield ended
                self._drop(ended)
            if self.root is not None and (found or self._unpruned >= _PRUNE_BYTES):
                self._unpruned = 0
                self._prune()
            if error is not None:
                self._report.break_off(_reason(error, at_end=data is None))
                return

    def _ended(self) -> Ended:
        ended = Ended()
        matcher, take = self._matcher, ended.elements.append
        plain = matcher.is_plain and self._around is None
        for event, element in self._parser.read_events():
            if event == "end":
                if not matcher.stands(element):
                    continue
                if plain and not matcher.is_nested:
                    take(element)
                else:
                    self._take(element, ended)
            elif self.root is None:
                self.root = element
        return ended

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
                self._open_too_large = node
            del node[:-1]


def written_name(element: Any) -> str:
    """Return an element's name as it is written: with its prefix."""
    local = element.tag.rpartition("}")[2] if element.tag.__class__ is str else "?"
    return f"{element.prefix}:{local}" if element.prefix else local


def _reason(error: Any, *, at_end: bool) -> str:
    if at_end:
        return f"the file breaks off: {error.msg or error}"
    if error.code == _AFTER_ROOT:
        return f"something follows the end of the document, in line {error.position[0]}: it has more than one root"
    return f"not well-formed XML: {error.msg or error}"


def _parent_of(element: Any) -> Any:
    return element.getparent()
