"""The XPaths of a mapping that look outside their item: each part that does becomes a variable, filled from `Ahead`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree

from ingest.feeds.conversions import Taken
from ingest.feeds.mapping import FormatSettings
from ingest.feeds.surroundings import converted_paths, outer_paths
from ingest.feeds.xpath_tokens import Token, tokens, written
from ingest.feeds.xpaths import item_path, with_xml
from ingest.pull.parse.xml.ahead import Ahead, Wanted
from ingest.pull.parse.xml.matcher import Matcher

DEFAULT = "default-namespace"
"""The prefix that stands for the document's default namespace."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """The XPath of an attribute, the names of the variables that it takes, and the paths whose nodes it takes for
    text or numbers.
    """

    find: Any
    names: tuple[str, ...]
    converted: tuple[tuple[Any, Taken], ...]


Reopen = Callable[[], Iterator[bytes]]
"""Gives the blocks of the document once more, from its beginning."""

_Rewritten = tuple[str, tuple[str, ...], tuple[tuple[str, Taken], ...]]
"""As `Compiled`, not compiled yet."""


class Around:
    """What surrounds the items of one file. `paths`: XPath → whether its attribute has to know all nodes, not just the
    first one.

    `begin` must be called with the first item before anything else is asked.
    """

    def __init__(self, settings: FormatSettings, paths: Mapping[str, bool], reopen: Reopen) -> None:
        self._settings, self._paths, self._reopen = settings, paths, reopen
        self.needed = any(outer_paths(tokens(path)) for path in paths)
        self._aheads: list[Ahead] = []
        self._begun = False
        self._namespaces = with_xml(settings.namespaces)
        self._rewritten: dict[str, _Rewritten] = {}

    def __call__(self, element: Any) -> dict[str, list[Any]]:
        """Return the variables of the next item, in the order in which they end."""
        if not self._begun:
            self.begin(element)
        found: dict[str, list[Any]] = {}
        for ahead in self._aheads:
            found |= ahead.next()
        return found

    def begin(self, element: Any) -> None:
        """Compile the paths for a document with this item."""
        self._begun = True
        default = element.nsmap.get(None)
        if default:
            self._namespaces[DEFAULT] = default
        levels: dict[int, list[Wanted]] = {}
        for path, every in self._paths.items():
            self._rewrite(path, with_default_namespace(path) if default else path, levels, every=every)
        item = item_path(self._settings.item_path or "", self._settings.namespaces)
        for level, wanted in levels.items():
            matcher = Matcher(item, self._settings.namespaces)
            self._aheads.append(Ahead(self._reopen(), matcher, level, wanted))

    def compiled(self, path: str) -> Compiled:
        """Return the XPath of an attribute."""
        text, names, converted = self._rewritten[path]
        return Compiled(self._xpath(text), names, tuple((self._xpath(part), taken) for part, taken in converted))

    def _xpath(self, text: str) -> Any:
        return etree.XPath(text, namespaces=self._namespaces, smart_strings=False)

    def _rewrite(self, path: str, text: str, levels: dict[int, list[Wanted]], *, every: bool) -> None:
        found = tokens(text)
        pieces: list[Token | None] = list(found)
        names = []
        for outer in outer_paths(found):
            name = f"o{sum(map(len, levels.values()))}"
            whole = outer.begin == 0 and outer.end == len(found)
            find = self._xpath(outer.path)
            tag = self._tag(outer.first) if outer.first else None
            levels.setdefault(outer.level, []).append(Wanted(name, find, outer.path, tag, whole and not every))
            pieces[outer.begin : outer.end] = [("name", f"${name}"), *[None] * (outer.end - outer.begin - 1)]
            names.append(name)
        converted = tuple((_written(pieces[taken.begin : taken.end]), taken) for taken in converted_paths(found))
        self._rewritten[path] = (_written(pieces) if names else text), tuple(names), converted

    def _tag(self, name: str) -> str:
        prefix, _, local = name.rpartition(":")
        return f"{{{self._namespaces[prefix]}}}{local}" if prefix else local


def _written(pieces: Sequence[Token | None]) -> str:
    """Return an XPath of which some parts were replaced by shorter ones."""
    return written([piece for piece in pieces if piece is not None])


def with_default_namespace(path: str) -> str:
    """Return an XPath whose unprefixed element names are in the document's default namespace.

    XPath 1.0 has no default namespace: that `<feed xmlns="…">` then matches nothing is what people stumble over.
    """
    found = tokens(path)
    written = []
    begins = True  # an operand may begin here, so a name is no operator (XPath 1.0, section 3.7)
    for position, (kind, text) in enumerate(found):
        before = found[position - 1][1] if position else ""
        after = found[position + 1][1] if position + 1 < len(found) else ""
        operator = kind == "name" and not begins and text in ("and", "or", "div", "mod")
        of_attribute = before == "@" or (before == "::" and found[position - 2][1] == "attribute")
        element = (
            kind == "name" and not operator and not of_attribute and after not in ("(", "::", ":") and before != ":"
        )
        written.append(f" {text} " if operator else f"{DEFAULT}:{text}" if element else text)
        begins = operator or (kind == "sign" and text not in (".", "..", ")", "]"))
    return "".join(written)
