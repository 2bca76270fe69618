"""What surrounds the items, wherever in the file it stands: a second reading of it, ahead of the one that gives items.

`../currency` may stand behind all the items. So a reader of its own goes ahead until the ancestor in question has
ended, or what is wanted of it is known, and keeps nothing but the children that the paths name. A feed whose paths stay
inside its items has none.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree

from ingest.pull.parse.xml.document import begun, feed, new_parser, open_chain
from ingest.pull.parse.xml.matcher import Matcher
from ingest.pull.records import MAX_RECORD_BYTES, FormatError

_MOST_WAITING = 100_000
"""Ancestors whose values are kept at most: so many lie side by side within an element that surrounds them all."""
_PLAIN = re.compile(r"\.|@ ?[\w.:\-]+|[\w.:\-]+(?: / [\w.:\-]+)*")
_TOO_LARGE = f"what an XPath finds around the items is larger than {MAX_RECORD_BYTES >> 20} MiB: name less of it"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A path of an ancestor, compiled. `tag` is the child that it enters; `first_counts`: of all nodes the first."""

    name: str
    find: Callable[[Any], Any]
    path: str
    tag: str | None
    first_counts: bool


@dataclass(slots=True, eq=False)
class _Ancestor:
    """An ancestor of items, and what the paths find in it, once that is known."""

    values: dict[str, list[Any]] | None = None


@dataclass(slots=True)
class _Kept:
    """Children of an open element that are kept: the last of them, and the bytes of all."""

    last: Any = None
    size: int = 0


class Ahead:
    """Reads what the ancestors `level` levels above the items hold."""

    def __init__(self, blocks: Iterator[bytes], matcher: Matcher, level: int, wanted: Sequence[Wanted]) -> None:
        self._blocks, self._matcher, self._level, self._wanted = blocks, matcher, level, wanted
        self._depth = None if matcher.depth is None else matcher.depth - level
        self._tags = {each.tag for each in wanted} - {None}
        self._parser: Any = None
        self._root: Any = None
        self._at_end = False
        self._runs: deque[tuple[_Ancestor, int]] = deque()
        """Ancestors of the items that were not asked for yet, in order, and of how many items in a row each is."""
        self._open: dict[Any, _Ancestor] = {}
        self._kept: dict[Any, _Kept] = {}
        self._inside: tuple[Any, int] = (None, 0)

    def next(self) -> dict[str, list[Any]]:
        """Return what the paths find around the next item: nodes by the name of the path."""
        while not self._runs or self._runs[0][0].values is None:
            if not self._read():
                self._settle([])
                break
        if not self._runs:
            return {each.name: [] for each in self._wanted}
        ancestor, items = self._runs.popleft()
        if items > 1:
            self._runs.appendleft((ancestor, items - 1))
        return ancestor.values or {}

    def _read(self) -> bool:
        """Read the next block; False at the end of the file, or of what can be read of it."""
        if self._parser is None:
            beginning = begun(self._blocks)
            if beginning is None:
                return False
            root, self._blocks = beginning
            self._parser = new_parser(("start", "end"), (self._matcher.tag, f"{{*}}{root}"))
        if self._at_end:
            return False
        data = next(self._blocks, None)
        error = feed(self._parser, data)
        for event, element in self._parser.read_events():
            if event == "start":
                self._root = element if self._root is None else self._root
            elif self._matcher.stands(element):
                self._note(element)
        chain = [] if self._root is None else list(open_chain(self._root))
        self._settle(chain)
        self._prune(chain, len(data or b""))
        self._at_end = data is None or error is not None
        return True

    def _note(self, item: Any) -> None:
        """Count an item to its ancestor."""
        around = item
        for _ in range(self._level):
            around = None if around is None else around.getparent()
        ancestor = self._open.setdefault(around, _Ancestor())
        if self._runs and self._runs[-1][0] is ancestor:
            self._runs[-1] = ancestor, self._runs[-1][1] + 1
        elif len(self._runs) < _MOST_WAITING:
            self._runs.append((ancestor, 1))
        else:
            raise FormatError("an XPath looks at what stands behind the items, with too many others in between")

    def _settle(self, chain: Sequence[Any]) -> None:
        """Note what is known of the ancestors now: all of those that have ended, first nodes of those still open."""
        still_open = set(chain)
        for element, ancestor in list(self._open.items()):
            if ancestor.values is None:
                ancestor.values = self._values(element, still_open)
            if element not in still_open:
                del self._open[element]
        self._kept = {element: kept for element, kept in self._kept.items() if element in still_open}

    def _values(self, element: Any, still_open: set[Any]) -> dict[str, list[Any]] | None:
        """Return what the paths find in an ancestor; None while that is not certain."""
        found = {each.name: [] if element is None else _nodes(each.find(element)) for each in self._wanted}
        if element in still_open:
            for each in self._wanted:
                if _PLAIN.fullmatch(each.path) is None:
                    return None
                if each.path[0] in "@.":
                    continue
                nodes = found[each.name]
                if not each.first_counts or not nodes or nodes[0] in still_open:
                    return None
                del nodes[1:]
        return found

    def _prune(self, chain: Sequence[Any], read: int) -> None:
        """Let go of the closed children of the open elements, but for those that the paths enter."""
        for depth, node in enumerate(chain):
            if not self._tags or self._depth not in (None, depth) or self._matcher.stands(node):
                del node[:-1]
                continue
            kept = self._kept.setdefault(node, _Kept())
            self._keep(node, kept)
            if kept.size > MAX_RECORD_BYTES:
                raise FormatError(_TOO_LARGE)
            if len(node) and node[-1].tag in self._tags:
                child = node[-1]
                self._inside = child, read + (self._inside[1] if self._inside[0] is child else 0)
                if self._inside[1] > MAX_RECORD_BYTES:
                    raise FormatError(_TOO_LARGE)
                return

    def _keep(self, node: Any, kept: _Kept) -> None:
        """Keep what the paths enter of the children that are new since the last time; the last one may be open."""
        child = node[-1].getprevious() if len(node) else None
        newest = None
        while child is not None and child is not kept.last:
            before = child.getprevious()
            if child.tag in self._tags:
                newest = child if newest is None else newest
                kept.size += len(etree.tostring(child, with_tail=False))
            else:
                node.remove(child)
            child = before
        kept.last = kept.last if newest is None else newest


def _nodes(found: Any) -> list[Any]:
    """Return what a path finds as elements: an XPath's variables take no texts."""
    return [_element(each) if each.__class__ is str else each for each in found]


def _element(text: str) -> Any:
    element = etree.Element("value")
    element.text = text
    return element
