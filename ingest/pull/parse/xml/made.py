"""What an XPath has made of the nodes that it found, and why that may be no value: it takes the first of several, makes
numbers of what is none, and cuts texts anywhere, all in silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from ingest.pull.parse.xml.around import Compiled
from ingest.pull.parse.xml.document import written_name
from ingest.pull.records import MISSING, Refused
from schemas.numbers import PART, PLAIN, Notation, is_part

_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_MOST_NAMED = 3


def text_of(element: Any) -> Any:
    """Return an element's text; None for xsi:nil, `Refused` for one that contains elements."""
    if len(element):
        inner = list(dict.fromkeys(written_name(child) for child in element[: 2 * _MOST_NAMED]))[:_MOST_NAMED]
        named = ", ".join(f"<{name}>" for name in inner)
        return Refused("elements", f"<{written_name(element)}> contains elements ({named}): map one of them")
    text = element.text
    if text is None:
        return None if element.get(_NIL) in ("true", "1") else ""
    return text


class Made:
    """The nodes that an XPath made a text or a number of, path by path."""

    def __init__(self, path: Compiled, element: Any, nodes: Mapping[str, Any]) -> None:
        found = [(find(element, **nodes), taken) for find, taken in path.converted]
        self._nodes = [every if taken.every else every[:1] for every, taken in found]
        self._numbers = [nodes for nodes, (_, taken) in zip(self._nodes, found, strict=True) if taken.number]
        self._first_of = [every for every, taken in found if taken.first and len(every) > 1]

    def fault(self, result: Any, *, decisive: bool, is_key: bool) -> Refused | None:
        """Return why `result` is no value: a node contains elements, is no number, is one of several (a `decisive`
        value must say which), or the key lacks its first part."""
        for nodes in self._first_of if decisive else ():
            texts = [node if node.__class__ is str else text_of(node) for node in nodes]
            if (found := one_of(texts)).__class__ is Refused:
                several: Refused = found
                return several
        for node in chain.from_iterable(self._nodes):
            if node.__class__ is not str and len(node):
                refused: Refused = text_of(node)
                return refused
        if result.__class__ is float and result != result and self._texts(self._nodes):  # noqa: PLR0124
            inside = ", ".join(repr(text[:30]) for text in self._texts(self._nodes, blank=True)[:_MOST_NAMED])
            return Refused("number", f"the XPath makes no number of {inside}")
        if is_key and result.__class__ is str and result and not self._texts(self._nodes[:1]):
            return Refused("required", f"what the key begins with is missing: {result[:60]!r} is not all of it")
        return None

    def cut(self, result: str) -> Refused | None:
        """Return why a text that was cut out of another one is not all of a number."""
        for text in self._texts(self._nodes):
            at = text.find(result)
            if result != text and at >= 0 and is_part(text, at, at + len(result)):
                return Refused("number", f"{result[:30]!r} of {text[:30]!r}: the XPath {PART}")
        return None

    def miscounted(self, notation: Notation) -> Refused | None:
        """Return why what an XPath has calculated with is not what the file says: XPath knows a decimal point alone."""
        for text in self._texts(self._numbers):
            if notation == "comma" and "." in text:
                message = f"an XPath takes the point of {text[:30]!r} for a decimal one, and decimalNotation is comma"
                return Refused("notation", message)
            if not PLAIN.fullmatch(text):
                return Refused("number", f"the XPath makes a number of {text[:30]!r}: expected a bare one")
        return None

    def _texts(self, nodes: Sequence[Any], *, blank: bool = False) -> list[str]:
        found = (node if node.__class__ is str else node.text or "" for node in chain.from_iterable(nodes))
        return [text.strip() for text in found if blank or text.strip()]


def value_of(result: Any, *, many: bool, single: bool) -> Any:
    """Return the value that an XPath's result is; of `many` nodes all, of a `single` one the one that all are."""
    if result.__class__ is list:
        if not result:
            return MISSING
        nodes = result if many or single else result[:1]
        texts = [node if node.__class__ is str else text_of(node) for node in nodes]
        if single:
            return one_of(texts)
        return together(texts) if len(texts) > 1 else texts[0]
    if result.__class__ is float:
        return MISSING if result != result else format(result, ".15g")  # noqa: PLR0124
    if result.__class__ is bool:
        return "true" if result else "false"
    return result


def one_of(texts: list[Any]) -> Any:
    """Return the value that all of these are; where they differ the file does not say which one is meant."""
    different = dict.fromkeys(text.strip() if text.__class__ is str else text for text in texts)
    if len(different) == 1:
        return texts[0]
    refused = next((text for text in texts if text.__class__ is Refused), None)
    shown = ", ".join(str(text)[:40] for text in list(different)[:_MOST_NAMED])
    message = f"several elements with different values ({shown}): say which one, such as stock[1], or sum(stock)"
    return refused or Refused("repeated", message)


def together(texts: list[Any]) -> Any:
    """Return the values of a list; what cannot be read makes the list unreadable."""
    return next((text for text in texts if text.__class__ is Refused), texts)
