"""Which elements are the items of an XML file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lxml import etree

from ingest.feeds.xpaths import ItemPath, with_xml


class Matcher:
    """Whether an element is an item: its name and its ancestors' by `itemPath`, and its own content by the condition.

    A name without a prefix means an element that is written without one, in whatever default namespace. The steps
    that an element completes are bits of a number, made from those of its parent, so that the cost of an element is
    that of its depth, however many `//` the path has.
    """

    def __init__(self, path: ItemPath, namespaces: Mapping[str, str]) -> None:
        known = with_xml(namespaces)
        self._steps = [(None if prefix is None else known[prefix], name) for _, prefix, name in path.steps]
        self._anywhere = sum(1 << at for at, (anywhere, _, _) in enumerate(path.steps) if anywhere)
        self.depth = None if self._anywhere else len(self._steps) - 1
        """How many elements are around each item, where the path says so."""
        self._whole = 1 << len(self._steps)
        self._condition = etree.XPath(f"boolean({path.predicate})", namespaces=known) if path.predicate else None
        self._named: dict[tuple[str, bool], int] = {}
        self._parent: Any = None
        self._parent_fits = self._is_around = False
        self.is_nested = False
        """Whether the element that was asked about last lies inside one that stands where an item does."""
        self._last_tag: str | None = None
        self._last_fits = False
        uri, name = self._steps[-1]
        self._any_prefix = uri is not None or name == "*"
        self.tag = f"{{{uri}}}{name}" if uri else f"{{*}}{name}"

    def fulfils(self, element: Any) -> bool:
        """Return whether an element that has ended fulfils the condition of the path, if it has one."""
        return self._condition is None or bool(self._condition(element))

    @property
    def is_plain(self) -> bool:
        """Return whether the path has no condition."""
        return self._condition is None

    @property
    def takes_all(self) -> bool:
        """Return whether elements of any name, at any depth, are items."""
        return self.depth is None and self._steps[-1][1] == "*"

    @property
    def is_beside(self) -> bool:
        """Return whether the parent of the element asked about last is around items, where the path names all steps."""
        return self.depth is not None and self._is_around

    def stands(self, element: Any) -> bool:
        """Return whether an element stands where an item does."""
        parent = element.getparent()
        if parent is not self._parent or parent is None:
            self._look_at(parent)
        if not self._parent_fits:
            return False
        tag = element.tag
        if tag != self._last_tag:  # mostly it is that of the one before
            self._last_tag, self._last_fits = tag, bool(self._fits(tag, plain=True) & (self._whole >> 1))
        return self._last_fits and (self._any_prefix or element.prefix is None)

    def _look_at(self, parent: Any) -> None:
        """Find out how many steps the parent completes, and the parent or any element around it, as bits."""
        self._parent = parent
        exact = reached = 1
        around = [] if parent is None else [parent, *parent.iterancestors()]
        for each in reversed(around):
            fits = self._fits(each.tag, plain=each.prefix is None)
            exact = ((exact | (reached & self._anywhere)) & fits) << 1
            reached |= exact
        self._parent_fits = bool((exact | (reached & self._anywhere)) & (self._whole >> 1))
        self._is_around = exact & (self._whole - 1) > 1
        self.is_nested = bool(reached & self._whole)

    def _fits(self, tag: str, *, plain: bool) -> int:
        """Return the steps that name an element with this tag, as bits; `plain`: it is written without a prefix."""
        found = self._named.get((tag, plain))
        if found is None:
            uri, _, local = tag.rpartition("}")
            found = 0
            for at, (wanted, name) in enumerate(self._steps):
                if name in ("*", local) and (wanted == uri[1:] if wanted else plain or name == "*"):
                    found |= 1 << at
            self._named[tag, plain] = found
        return found
