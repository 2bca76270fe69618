"""What an XPath looks at outside its item: the parts of it that begin with `..`, each of an ancestor of its own.

An XML file is read as a stream, so an item's surroundings are never there as a whole. What an ancestor holds directly
(`../currency`, `../../@code`, `../prices/price[@unit='1']`) can be known for each item, wherever in the file it stands.
What depends on an item's brothers cannot: sibling axes, positions and counts among them are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingest.feeds.conversions import OPERATOR_SIGNS, Conversions, Taken
from ingest.feeds.xpath_tokens import NODE_TYPES, OPERATORS, SIBLINGS, Place, Token, written

MAX_STEPS_BACK = 4
_NO_DESCENT = "outside the item an XPath must not descend by //: name the children on the way"


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


def outer_paths(found: Sequence[Token]) -> list[Outer]:
    """Return the parts of an XPath that leave the item, in order; raises ValueError for what cannot be known."""
    walk = _Walk(found)
    walk.expression(0, leaves=True)
    if walk.steps_back > MAX_STEPS_BACK:
        raise ValueError(f"an XPath goes back (.. or to siblings) at most {MAX_STEPS_BACK} times inside the item")
    return walk.outer


def converted_paths(found: Sequence[Token]) -> list[Taken]:
    """Return the paths whose nodes an XPath turns into text or numbers.

    Not those inside conditions, those whose nodes it counts, names or asks to be there, and a path that is all of it.
    """
    walk = _Walk(found)
    walk.expression(0, leaves=True)
    return walk.conversions.converted()


class _Walk(Place):
    """One pass over the tokens. Depths are lower bounds: how far below the item (0) a context node lies."""

    def __init__(self, found: Sequence[Token]) -> None:
        super().__init__(found)
        self._conditions_open = 0
        self.outer: list[Outer] = []
        self.conversions = Conversions()
        self.steps_back = 0

    def expression(self, depth: int, *, leaves: bool, closes: str = "", taken_by: str = "") -> None:
        """Read up to the sign that closes this expression.

        `leaves`: whether its paths may leave the item; `taken_by`: the function whose argument it is.
        """
        begins = True  # an operand may begin here, so a name or * is no operator (XPath 1.0, section 3.7)
        while (text := self.text()) not in ("", closes):
            kind, _ = self.token()
            operator = text in OPERATOR_SIGNS or (not begins and (text == "*" or text in OPERATORS))
            if operator or kind in ("literal", "number"):
                self.at += 1
            elif text == "(" or (kind == "name" and self.text(1) == "(" and text not in NODE_TYPES):
                self._bracket(depth, "" if text == "(" else text, taken_by, leaves=leaves)
            elif text == "[":
                self._condition(depth)
            else:
                begin = self.at
                self._path(depth, leaves=leaves)
                self._note(begin, taken_by)
            begins = operator

    def _bracket(self, depth: int, function: str, taken_by: str, *, leaves: bool) -> None:
        """Read a call or a parenthesis; a parenthesis with steps or conditions behind it is a path as a whole."""
        begin, known = self.at, len(self.conversions)
        self.at += 2 if function else 1
        self.expression(depth, leaves=leaves, closes=")", taken_by=function or taken_by)
        self.at += 1
        if function:
            self._filtered(depth)
        elif self.text() in ("[", "/", "//"):
            self.conversions.forget(known)
            self._filtered(depth)
            self._note(begin, taken_by)
        else:
            self.conversions.put_in_parentheses(known, self._beside(begin))

    def _note(self, begin: int, taken_by: str) -> None:
        """Note a path that was just read, unless it belongs to a condition."""
        if self._conditions_open == 0:
            self.conversions.note(begin, self.at, self._beside(begin), taken_by)

    def _beside(self, begin: int) -> set[str]:
        """Return the tokens before and behind what was just read."""
        return {self.found[begin - 1][1] if begin else "", self.text()}

    def _filtered(self, depth: int) -> None:
        """Read what may follow a call or a parenthesis: conditions and steps, which must not go back."""
        while self.text() in ("[", "/", "//"):
            if self.text() == "[":
                self._condition(depth)
            else:
                self.at += 1
                if self.text() in ("..", "parent") or self.text() in SIBLINGS:
                    raise ValueError("a path must not go back behind a parenthesis")
                self.node_test()

    def _condition(self, depth: int, *, leaves: bool = False) -> None:
        self.at += 1
        self._conditions_open += 1
        self.expression(depth, leaves=leaves, closes="]")
        self._conditions_open -= 1
        self.at += 1

    def _path(self, depth: int, *, leaves: bool) -> None:
        begin, ups = self.at, 0
        while self.text() in ("..", ".", "parent"):
            last = self.at
            ups += self.text() != "."
            self.step_up()
            if ups > depth and not leaves:
                raise ValueError("a condition must not look outside the item or the element that it belongs to")
            if self.text() not in ("/", "//"):
                if ups > depth:
                    self._outside(begin, depth - ups, ended=True)
                else:
                    self._conditions(depth - ups, leaves=leaves)
                return
            if self.text() == "//" and ups > depth:
                raise ValueError(_NO_DESCENT)
            self.at += 1
            if self.found[last][1] == "parent" and ups > depth and self.text() in ("..", "parent"):
                raise ValueError("write .. instead of parent::")
        if ups > depth:
            self._outside(begin, depth - ups, ended=False)
            return
        self.steps_back += ups
        self._inside(depth - ups, leaves=leaves)

    def _inside(self, depth: int, *, leaves: bool) -> None:
        """Read the rest of a path that is inside the item so far, and must stay there."""
        while True:
            text = self.text()
            if text in ("..", "parent"):
                self.steps_back += 1
                depth -= 1
                self.step_up()
            elif text in SIBLINGS and self.text(1) == "::":
                self.steps_back += 1
                if depth < 1:
                    raise ValueError(
                        f"{text}:: of the item itself: a file is read item by item, so its brothers are not known; "
                        "map what stands in the item, or around it (../name), instead"
                    )
                self.at += 2
                self.node_test()
            elif text == ".":
                self.at += 1
            else:
                depth += self.step_down()
            if depth < 0:
                raise ValueError("a path that leaves the item begins with .. (as in ../title)")
            self._conditions(depth, leaves=leaves)
            if self.text() not in ("/", "//"):
                return
            self.at += 1

    def _conditions(self, depth: int, *, leaves: bool) -> None:
        while self.text() == "[":
            self._condition(depth, leaves=leaves)

    def _outside(self, begin: int, depth: int, *, ended: bool) -> None:
        """Read the steps of an ancestor's path behind the .. that lead to it, and note it."""
        rest = self.at
        test = self._parent_test(begin, rest if ended else rest - 1)
        if ended:
            self.outer.append(Outer(begin, rest, -depth, test or ".", None))
            return
        named = self._first_name()
        self._outer_steps()
        path = written(self.found[rest : self.at])
        self.outer.append(Outer(begin, self.at, -depth, f"{test}/{path}" if test else path, named))

    def _parent_test(self, begin: int, end: int) -> str:
        """Return what `parent::name`, which may be the last of the steps up, asks of the ancestor; "" for nothing."""
        parents = [at for at in range(begin, end) if self.found[at][1] == "parent"]
        return f"self::{written(self.found[parents[-1] + 2 : end])}" if parents else ""

    def _first_name(self) -> str | None:
        """Return the name of the child that an ancestor's path enters; None when it is an attribute."""
        if self.text() in ("@", "attribute"):
            return None
        ahead = 2 if self.text() == "child" and self.text(1) == "::" else 0
        kind, text = self.token(ahead)
        if kind != "name" or self.text(ahead + 1) in ("(", "::"):
            raise ValueError("outside the item an XPath says by name what it looks for, such as ../title or ../@id")
        name = self.text(ahead + 2)
        return f"{text}:{name}" if name and self.text(ahead + 1) == ":" else text

    def _outer_steps(self) -> None:
        while True:
            text = self.text()
            if text in ("..", "parent") or text in SIBLINGS or (text == "descendant" and self.text(1) == "::"):
                raise ValueError("outside the item an XPath names children and attributes only: no other axes")
            if text == ".":
                self.at += 1
            else:
                self.step_down()
            while self.text() == "[":
                self._condition(0)
            if self.text() == "//":
                raise ValueError(_NO_DESCENT)
            if self.text() != "/":
                return
            self.at += 1
