"""The XPaths of a mapping that look outside their item: each part that does becomes a variable, filled from `Ahead`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lxml import etree

from ingest.feeds.mapping import FormatSettings
from ingest.feeds.surroundings import outer_paths, written
from ingest.feeds.xpaths import item_path, tokens, with_xml
from ingest.pull.parse.xml.ahead import Ahead, Wanted
from ingest.pull.parse.xml.matcher import Matcher
from ingest.pull.parse.xml.namespaces import DEFAULT, with_default_namespace

Reopen = Callable[[], Iterator[bytes]]
"""Gives the blocks of the document once more, from its beginning."""


class Around:
    """What surrounds the items of one file. `paths`: XPath → whether its attribute takes all nodes, not just the first.

    `begin` must be called with the first item before anything else is asked.
    """

    def __init__(self, settings: FormatSettings, paths: Mapping[str, bool], reopen: Reopen) -> None:
        self._settings, self._paths, self._reopen = settings, paths, reopen
        self.needed = any(outer_paths(tokens(path)) for path in paths)
        self._aheads: list[Ahead] = []
        self._begun = False
        self._namespaces = with_xml(settings.namespaces)
        self._rewritten: dict[str, tuple[str, tuple[str, ...]]] = {}

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
        for path, many in self._paths.items():
            self._rewrite(path, with_default_namespace(path) if default else path, levels, many=many)
        item = item_path(self._settings.item_path or "", self._settings.namespaces)
        for level, wanted in levels.items():
            matcher = Matcher(item, self._settings.namespaces)
            self._aheads.append(Ahead(self._reopen(), matcher, level, wanted))

    def compiled(self, path: str) -> tuple[Any, tuple[str, ...]]:
        """Return the XPath of an attribute, and the names of the variables that it takes."""
        text, names = self._rewritten[path]
        return etree.XPath(text, namespaces=self._namespaces, smart_strings=False), names

    def _rewrite(self, path: str, text: str, levels: dict[int, list[Wanted]], *, many: bool) -> None:
        found = tokens(text)
        pieces, names, at = [], [], 0
        for outer in outer_paths(found):
            name = f"o{sum(map(len, levels.values()))}"
            whole = outer.begin == 0 and outer.end == len(found)
            find = etree.XPath(outer.path, namespaces=self._namespaces, smart_strings=False)
            tag = self._tag(outer.first) if outer.first else None
            levels.setdefault(outer.level, []).append(Wanted(name, find, outer.path, tag, whole and not many))
            pieces += [*found[at : outer.begin], ("name", f"${name}")]
            names.append(name)
            at = outer.end
        self._rewritten[path] = (written([*pieces, *found[at:]]) if names else text), tuple(names)

    def _tag(self, name: str) -> str:
        prefix, _, local = name.rpartition(":")
        return f"{{{self._namespaces[prefix]}}}{local}" if prefix else local
