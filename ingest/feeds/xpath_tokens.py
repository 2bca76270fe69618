"""The tokens of an XPath 1.0 expression, and a place among them that goes over steps as the grammar has them."""

from __future__ import annotations

import re
from collections.abc import Sequence

Token = tuple[str, str]
"""(kind, text); kinds are literal, number, name, sign."""
NODE_TYPES = frozenset(("text", "node"))
OPERATORS = frozenset(("and", "or", "div", "mod"))
SIBLINGS = frozenset(("following-sibling", "preceding-sibling"))
_TOKEN = re.compile(
    r"""\s*(?:(?P<literal>"[^"]*"|'[^']*')|(?P<number>\d+(?:\.\d*)?|\.\d+)
      |(?P<name>[^\W\d][\w.\-]*)|(?P<sign>::|//|\.\.|!=|<=|>=|[/.@\[\](),|+\-=<>*:]))""",
    re.VERBOSE,
)


def tokens(path: str) -> list[Token]:
    """Split an XPath; raises ValueError."""
    found, position = [], 0
    end = len(path.rstrip())
    while position < end:
        token = _TOKEN.match(path, position)
        if token is None:
            raise ValueError(f"not an XPath: {path[position : position + 20]!r} is not understood")
        position = token.end()
        kind = str(token.lastgroup)
        found.append((kind, token[kind]))
    return found


def written(found: Sequence[Token]) -> str:
    """Return tokens as the text of an XPath."""
    pieces: list[str] = []
    for _, text in found:
        glued = text == ":" or (pieces and pieces[-1] == ":") or not pieces
        pieces += [text] if glued else [" ", text]
    return "".join(pieces)


class Place:
    """Where a reader of tokens is; raises ValueError where a name is missing."""

    def __init__(self, found: Sequence[Token]) -> None:
        self.found = found
        self.at = 0

    def text(self, ahead: int = 0) -> str:
        """Return the text of the token here, or of one ahead; "" behind the last one."""
        return self.token(ahead)[1]

    def token(self, ahead: int = 0) -> Token:
        """Return the token here, or one ahead; ("", "") behind the last one."""
        at = self.at + ahead
        return self.found[at] if at < len(self.found) else ("", "")

    def step_up(self) -> None:
        """Go over `..`, `.` or `parent::` with its test."""
        if self.text() == "parent":
            self.at += 2
            self.node_test()
        else:
            self.at += 1

    def step_down(self) -> int:
        """Go over a step to children, attributes or the node itself; return how much deeper it leads at least."""
        deeper = 1
        if self.text() == "@":
            self.at += 1
        elif self.text(1) == "::":
            deeper = 0 if self.text() == "self" else 1
            self.at += 2
        self.node_test()
        return deeper

    def node_test(self) -> None:
        """Go over a name, `*` or a node type with its parentheses."""
        kind, text = self.token()
        if kind != "name" and text != "*":
            raise ValueError(f"not an XPath: a name is missing before {text or 'its end'!r}")
        self.at += 3 if self.text(1) in (":", "(") else 1
