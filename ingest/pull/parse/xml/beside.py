"""What an XML document says beside its items: attributes of its root, and short elements around them, by name.

As with the fields around the items of JSON, some of them tell of an error, or that there are more pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from lxml import etree

_MOST, _DEPTH = 200, 4
_LONGEST = 1_000
_TRUTHS = {"true": True, "false": False}
_OF_BOOKS = "pages"
"""Says nothing of a document: catalogues have pages, too."""


def local(name: str) -> str:
    """Return a name without its namespace."""
    return name.rpartition("}")[2]


def fields_beside(root: Any, is_item: Callable[[Any], bool]) -> dict[str, Any]:
    """Return the fields (path, value) that stand in the tree so far; those of the root have no path."""
    attributes = ((local(name), value) for name, value in root.attrib.items())
    found = islice((*attributes, *islice(_leaves(root, "", is_item), _MOST)), _MOST)
    return {path: _value(text) for path, text in found if path.rpartition(".")[2].lower() != _OF_BOOKS}


def _leaves(node: Any, path: str, is_item: Callable[[Any], bool]) -> Iterator[tuple[str, str]]:
    for child in islice(node.iterchildren(etree.Element), _MOST):
        name = f"{path}.{local(child.tag)}" if path else local(child.tag)
        if is_item(child):
            continue
        yield from ((f"{name}.{local(attribute)}", value) for attribute, value in child.attrib.items())
        if not len(child):
            yield name, (child.text or "")[:_LONGEST].strip()
        elif name.count(".") < _DEPTH:
            yield from _leaves(child, name, is_item)


def _value(text: str) -> Any:
    return _TRUTHS.get(text.lower(), text)
