"""What an XPath looks at outside its item: the parts of it that begin with `..`, each of an ancestor of its own.

An XML file is read as a stream, so an item's surroundings are never there as a whole. What an ancestor holds directly
(`../currency`, `../../@code`, `../prices/price[@unit='1']`) can be known for each item, wherever in the file it stands.
What depends on an item's brothers cannot: sibling axes, positions and counts among them are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Token = tuple[str, str]
"""(kind, text); kinds are literal, number, name, sign."""
MAX_STEPS_BACK = 4
NODE_TYPES = frozenset(("text", "node"))
OPERATORS = frozenset(("and", "or", "div", "mod"))
_OPERATOR_SIGNS = frozenset(("|", "+", "-", "=", "!=", "<", "<=", ">", ">=", ","))
_CONVERTING = _OPERATOR_SIGNS - {"|", ","} | {"*", "div", "mod"}
"""Operators that take texts and numbers: of nodes, what they hold."""
_COMPARING = frozenset(("=", "!=", "<", "<=", ">", ">="))
_NOT_CONVERTING = frozenset(("", "boolean", "count", "local-name", "name", "namespace-uri", "not"))
_NO_DESCENT = "outside the item an XPath must not descend by //: name the children on the way"
_SIBLINGS = frozenset(("following-sibling", "preceding-sibling"))


@dataclass(frozen=True, slots=True)
class Outer:
    """Tokens `begin` to `end` of an XPath are a path of the ancestor `level` levels above the item (1: its parent).

    `path` is relative to that ancestor, "." for itself; `first` is the child of it that the path enters, None for none.
    """

    begin: int
    end: int
    level: int
    path: str
    first: str | None


@dataclass(slots=True)
class _Path:
    """Tokens `begin` to `end` are a path; see `converted_paths`."""

    begin: int
    end: int
    converted: bool
    every: bool
    first: bool


def outer_paths(found: Sequence[Token]) -> list[Outer]:
    """Return the parts of an XPath that leave the item, in order; raises ValueError for what cannot be known."""
    walk = _Walk(found)
    walk.expression(0, leaves=True)
    if walk.steps_back > MAX_STEPS_BACK:
        raise ValueError(f"an XPath goes back (.. or to siblings) at most {MAX_STEPS_BACK} times inside the item")
    return walk.outer


@dataclass(frozen=True, slots=True)
class Taken:
    """Tokens `begin` to `end` are a path whose nodes an XPath turns into text or numbers.

    `every`: it may look at all of them; `first`: of several it takes the first one, as functions and sums do.
    """

    begin: int
    end: int
    every: bool
    first: bool


def converted_paths(found: Sequence[Token]) -> list[Taken]:
    """Return the paths whose nodes an XPath turns into text or numbers.

    Not those inside conditions, those whose nodes it counts, names or asks to be there, and a path that is all of it.
    """
    walk = _Walk(found)
    walk.expression(0, leaves=True)
    return [
        Taken(path.begin, path.end, path.every, path.first)
        for path in walk.paths
        if path.converted and found[path.end - 2][1] != "@"
    ]


def written(found: Sequence[Token]) -> str:
    """Return tokens as the text of an XPath."""
    pieces: list[str] = []
    for _, text in found:
        glued = text == ":" or (pieces and pieces[-1] == ":") or not pieces
        pieces += [text] if glued else [" ", text]
    return "".join(pieces)


class _Walk:
    """One pass over the tokens. Depths are lower bounds: how far below the item (0) a context node lies."""

    def __init__(self, found: Sequence[Token]) -> None:
        self._found = found
        self._at = 0
        self._conditions_open = 0
        self.outer: list[Outer] = []
        self.paths: list[_Path] = []
        self.steps_back = 0

    def expression(self, depth: int, *, leaves: bool, closes: str = "", taken_by: str = "") -> None:
        """Read up to the sign that closes this expression.

        `leaves`: whether its paths may leave the item; `taken_by`: the function whose argument it is.
        """
        begins = True  # an operand may begin here, so a name or * is no operator (XPath 1.0, section 3.7)
        while (text := self._text()) not in ("", closes):
            kind = self._found[self._at][0]
            operator = text in _OPERATOR_SIGNS or (not begins and (text == "*" or text in OPERATORS))
            if operator or kind in ("literal", "number"):
                self._at += 1
            elif text == "(" or (kind == "name" and self._text(1) == "(" and text not in NODE_TYPES):
                self._bracket(depth, "" if text == "(" else text, taken_by, leaves=leaves)
            elif text == "[":
                self._condition(depth)
            else:
                begin = self._at
                self._path(depth, leaves=leaves)
                self._note(begin, taken_by)
            begins = operator

    def _bracket(self, depth: int, function: str, taken_by: str, *, leaves: bool) -> None:
        """Read a call or a parenthesis; a parenthesis with steps or conditions behind it is a path as a whole."""
        begin, known = self._at, len(self.paths)
        self._at += 2 if function else 1
        self.expression(depth, leaves=leaves, closes=")", taken_by=function or taken_by)
        self._at += 1
        if function == "" and self._text() in ("[", "/", "//"):
            del self.paths[known:]
            self._filtered(depth)
            self._note(begin, taken_by)
        elif function == "" and self._beside(begin) & _CONVERTING:
            for path in self.paths[known:]:
                path.converted = path.every = True
                path.first = path.first and not self._beside(begin) & _COMPARING
        else:
            self._filtered(depth)

    def _note(self, begin: int, taken_by: str) -> None:
        """Note a path that was just read, unless it belongs to a condition."""
        if self._conditions_open == 0:
            beside = self._beside(begin)
            every = bool(beside & _CONVERTING)
            converted = every or (taken_by not in _NOT_CONVERTING and not beside & {"and", "or"})
            first = taken_by != "sum" and not beside & _COMPARING
            self.paths.append(_Path(begin, self._at, converted, every or taken_by == "sum", first))

    def _beside(self, begin: int) -> set[str]:
        """Return the tokens before and behind what was just read."""
        return {self._found[begin - 1][1] if begin else "", self._text()}

    def _filtered(self, depth: int) -> None:
        """Read what may follow a call or a parenthesis: conditions and steps, which must not go back."""
        while self._text() in ("[", "/", "//"):
            if self._text() == "[":
                self._condition(depth)
            else:
                self._at += 1
                if self._text() in ("..", "parent") or self._text() in _SIBLINGS:
                    raise ValueError("a path must not go back behind a parenthesis")
                self._node_test()

    def _condition(self, depth: int, *, leaves: bool = False) -> None:
        self._at += 1
        self._conditions_open += 1
        self.expression(depth, leaves=leaves, closes="]")
        self._conditions_open -= 1
        self._at += 1

    def _path(self, depth: int, *, leaves: bool) -> None:
        begin, ups = self._at, 0
        while self._text() in ("..", ".", "parent"):
            last = self._at
            ups += self._text() != "."
            self._step_up()
            if ups > depth and not leaves:
                raise ValueError("a condition must not look outside the item or the element that it belongs to")
            if self._text() not in ("/", "//"):
                if ups > depth:
                    self._outside(begin, depth - ups, ended=True)
                else:
                    self._conditions(depth - ups, leaves=leaves)
                return
            if self._text() == "//" and ups > depth:
                raise ValueError(_NO_DESCENT)
            self._at += 1
            if self._found[last][1] == "parent" and ups > depth and self._text() in ("..", "parent"):
                raise ValueError("write .. instead of parent::")
        if ups > depth:
            self._outside(begin, depth - ups, ended=False)
            return
        self.steps_back += ups
        self._inside(depth - ups, leaves=leaves)

    def _step_up(self) -> None:
        if self._text() == "parent":
            self._at += 2
            self._node_test()
        else:
            self._at += 1

    def _inside(self, depth: int, *, leaves: bool) -> None:
        """Read the rest of a path that is inside the item so far, and must stay there."""
        while True:
            text = self._text()
            if text in ("..", "parent"):
                self.steps_back += 1
                depth -= 1
                self._step_up()
            elif text in _SIBLINGS and self._text(1) == "::":
                self.steps_back += 1
                if depth < 1:
                    raise ValueError(
                        f"{text}:: of the item itself: a file is read item by item, so its brothers are not known; "
                        "map what stands in the item, or around it (../name), instead"
                    )
                self._at += 2
                self._node_test()
            elif text == ".":
                self._at += 1
            else:
                depth += self._down()
            if depth < 0:
                raise ValueError("a path that leaves the item begins with .. (as in ../title)")
            self._conditions(depth, leaves=leaves)
            if self._text() not in ("/", "//"):
                return
            self._at += 1

    def _conditions(self, depth: int, *, leaves: bool) -> None:
        while self._text() == "[":
            self._condition(depth, leaves=leaves)

    def _down(self) -> int:
        """Read a step to children, attributes or the node itself; return how much deeper it leads at least."""
        deeper = 1
        if self._text() == "@":
            self._at += 1
        elif self._text(1) == "::":
            deeper = 0 if self._text() == "self" else 1
            self._at += 2
        self._node_test()
        return deeper

    def _node_test(self) -> None:
        kind = self._found[self._at][0] if self._at < len(self._found) else ""
        if kind != "name" and self._text() != "*":
            raise ValueError(f"not an XPath: a name is missing before {self._text() or 'its end'!r}")
        self._at += 3 if self._text(1) in (":", "(") else 1

    def _outside(self, begin: int, depth: int, *, ended: bool) -> None:
        """Read the steps of an ancestor's path behind the .. that lead to it, and note it."""
        rest = self._at
        test = self._parent_test(begin, rest if ended else rest - 1)
        if ended:
            self.outer.append(Outer(begin, rest, -depth, test or ".", None))
            return
        named = self._first_name()
        self._outer_steps()
        path = written(self._found[rest : self._at])
        self.outer.append(Outer(begin, self._at, -depth, f"{test}/{path}" if test else path, named))

    def _parent_test(self, begin: int, end: int) -> str:
        """Return what `parent::name`, which may be the last of the steps up, asks of the ancestor; "" for nothing."""
        parents = [at for at in range(begin, end) if self._found[at][1] == "parent"]
        return f"self::{written(self._found[parents[-1] + 2 : end])}" if parents else ""

    def _first_name(self) -> str | None:
        """Return the name of the child that an ancestor's path enters; None when it is an attribute."""
        if self._text() in ("@", "attribute"):
            return None
        at = self._at + (2 if self._text() == "child" and self._text(1) == "::" else 0)
        kind, text = self._found[at] if at < len(self._found) else ("", "")
        if kind != "name" or (at + 1 < len(self._found) and self._found[at + 1][1] in ("(", "::")):
            raise ValueError("outside the item an XPath says by name what it looks for, such as ../title or ../@id")
        prefixed = at + 2 < len(self._found) and self._found[at + 1][1] == ":"
        return f"{text}:{self._found[at + 2][1]}" if prefixed else text

    def _outer_steps(self) -> None:
        while True:
            text = self._text()
            if text in ("..", "parent") or text in _SIBLINGS or (text == "descendant" and self._text(1) == "::"):
                raise ValueError("outside the item an XPath names children and attributes only: no other axes")
            if text == ".":
                self._at += 1
            else:
                self._down()
            while self._text() == "[":
                self._condition(0)
            if self._text() == "//":
                raise ValueError(_NO_DESCENT)
            if self._text() != "/":
                return
            self._at += 1

    def _text(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._found[at][1] if at < len(self._found) else ""
