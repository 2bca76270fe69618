"""The XPaths that feeds may use: XPath 1.0 relative to the item, small enough to be harmless.

Refused: functions that reach outside the item or are no part of XPath 1.0's strings, numbers and booleans
(`document()`, `id()`), variables, paths from the root, many descents and steps back (each multiplies the work),
undeclared prefixes, and what cannot be known of an item in a stream (see `surroundings`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree

from ingest.feeds.surroundings import Outer, outer_paths
from ingest.feeds.xpath_tokens import NODE_TYPES, OPERATORS, Token, tokens

MAX_LENGTH, MAX_TOKENS, MAX_DESCENTS, MAX_PREDICATES = 300, 80, 1, 4
_FUNCTIONS = frozenset(
    [
        "boolean",
        "ceiling",
        "concat",
        "contains",
        "count",
        "false",
        "floor",
        "last",
        "local-name",
        "name",
        "namespace-uri",
        "normalize-space",
        "not",
        "number",
        "position",
        "round",
        "starts-with",
        "string",
        "string-length",
        "substring",
        "substring-after",
        "substring-before",
        "sum",
        "translate",
        "true",
    ]
)
_AXES = frozenset(("attribute", "child", "descendant", "following-sibling", "parent", "preceding-sibling", "self"))
_ABOUT_NAMES = frozenset(("name", "local-name", "namespace-uri"))
XML_NAMESPACE = "http://www.w3.org/XML/1998/namespace"
"""Of the prefix `xml`, which needs no declaration (Namespaces in XML 1.0, section 3)."""
_STEP = re.compile(r"(//|/)((?:[^\W\d][\w.\-]*:)?(?:[^\W\d][\w.\-]*|\*))")


@dataclass(frozen=True, slots=True)
class ItemPath:
    """The way to the item elements: steps of (whether any depth may lie before it, prefix or None, local name or *).

    `predicate` is an XPath that an element must fulfil, "" for none. A path that does not begin with `/` may begin
    anywhere.
    """

    steps: tuple[tuple[bool, str | None, str], ...]
    predicate: str


def with_xml(namespaces: Mapping[str, str]) -> dict[str, str]:
    """Return the prefixes that paths may use: those declared, and `xml`."""
    return {"xml": XML_NAMESPACE, **namespaces}


def check_xpath(path: str, namespaces: Mapping[str, str], item: ItemPath | None = None) -> None:
    """Raise ValueError, saying why, when an attribute's path is not one of those allowed.

    `item` is the feed's item path; without one the path must stay inside its item.
    """
    if not 0 < len(path.strip()) <= MAX_LENGTH:
        raise ValueError(f"expected an XPath of 1 to {MAX_LENGTH} characters")
    found = tokens(path)
    if len(found) > MAX_TOKENS:
        raise ValueError(f"an XPath has at most {MAX_TOKENS} parts")
    if found[0][1] in ("/", "//"):
        raise ValueError(f"an attribute's XPath is relative to the item: expected {path.strip().lstrip('/')!r}")
    _check_tokens(found, namespaces)
    try:
        etree.XPath(path, namespaces=with_xml(namespaces))
    except etree.XPathError as error:
        raise ValueError(f"not an XPath: {error}") from None
    leaving = outer_paths(found)
    if leaving and any(text == "|" for _, text in found):
        raise ValueError("a path that leaves the item goes not with |: give a list of paths, the first of which counts")
    for outer in leaving:
        _check_outer(outer, found, item)


def _check_outer(outer: Outer, found: list[Token], item: ItemPath | None) -> None:
    if item is None:
        raise ValueError("a condition of itemPath looks at the item's own content only")
    on_the_way = item.steps[-outer.level][2] if outer.level <= len(item.steps) else None
    if outer.level >= len(item.steps) and not any(anywhere for anywhere, _, _ in item.steps):
        raise ValueError("the path leads beyond the root of the document")
    if outer.first is not None and outer.first.rpartition(":")[2] == on_the_way:
        raise ValueError(
            f"{outer.first} is on the way to the items, and which of them come before is not known in a stream: "
            "name something else that surrounds the item"
        )
    whole = outer.first is None and "@" not in outer.path and "attribute" not in outer.path
    if whole and found[outer.begin - 2 if outer.begin > 1 else outer.begin][1] not in _ABOUT_NAMES:
        raise ValueError("an element around the item is no value: name what it holds, such as ../title or ../@id")


def _check_tokens(found: list[Token], namespaces: Mapping[str, str]) -> None:
    descents = predicates = 0
    for position, (kind, text) in enumerate(found):
        following = found[position + 1][1] if position + 1 < len(found) else ""
        previous = found[position - 1] if position else ("", "")
        descents += text in ("//", "descendant")
        predicates += text == "["
        if text in ("/", "//") and (previous[1] in ("[", "(", ",", "|", "=", "!=", "<", "<=", ">", ">=", "+", "-", "")):
            raise ValueError("an attribute's XPath is relative to the item, in its conditions too")
        if text in ("/", "//") and previous[0] == "name" and previous[1] in OPERATORS:
            raise ValueError("an attribute's XPath is relative to the item, in its conditions too")
        if kind == "name" and following == "(" and text not in _FUNCTIONS | NODE_TYPES | OPERATORS:
            raise ValueError(f"the function {text}() is not allowed")
        if kind == "name" and following == "::" and text not in _AXES:
            raise ValueError(f"the axis {text}:: is not allowed")
        if kind == "name" and following == ":" and text not in with_xml(namespaces):
            raise ValueError(f"the prefix {text} is not declared in namespaces")
    if descents > MAX_DESCENTS:
        raise ValueError(f"an XPath has at most {MAX_DESCENTS} descent (// or descendant::)")
    if predicates > MAX_PREDICATES:
        raise ValueError(f"an XPath has at most {MAX_PREDICATES} conditions")


def item_path(path: str, namespaces: Mapping[str, str]) -> ItemPath:
    """Parse an `itemPath`: element names (or *) with / and //, conditions on the last alone. Raises ValueError."""
    text = path.strip()
    if not 0 < len(text) <= MAX_LENGTH:
        raise ValueError(f"expected an XPath of 1 to {MAX_LENGTH} characters")
    steps_text, bracket, condition = text.partition("[")
    if not steps_text.startswith("/"):
        steps_text = "//" + steps_text
    steps, position = [], 0
    for step in _STEP.finditer(steps_text):
        if step.start() != position:
            break
        position = step.end()
        prefix, colon, name = step[2].rpartition(":")
        if colon and prefix not in with_xml(namespaces):
            raise ValueError(f"itemPath: the prefix {prefix} is not declared in namespaces")
        steps.append((step[1] == "//", prefix or None, name))
    if not steps or position != len(steps_text.rstrip()):
        raise ValueError(f"itemPath: expected names such as /products/product, got {path!r}")
    if not bracket:
        return ItemPath(tuple(steps), "")
    predicate = f"self::node()[{condition}"
    if (
        not condition.endswith("]")
        or tokens(condition)[0][0] == "number"
        or "position" in condition
        or "last" in condition
    ):
        raise ValueError(
            "itemPath: a condition compares the item's own content, such as /products/product[@active='1']"
        )
    check_xpath(predicate, namespaces)
    return ItemPath(tuple(steps), predicate)
