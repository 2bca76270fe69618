"""The paths of an XPath whose nodes it turns into text or numbers: of several it would take the first, in silence."""

from __future__ import annotations

from dataclasses import dataclass

OPERATOR_SIGNS = frozenset(("|", "+", "-", "=", "!=", "<", "<=", ">", ">=", ","))
_CONVERTING = OPERATOR_SIGNS - {"|", ","} | {"*", "div", "mod"}
"""Operators that take texts and numbers: of nodes, what they hold."""
_ARITHMETIC = frozenset(("+", "-", "*", "div", "mod"))
_CALCULATING = frozenset(("number", "sum", "floor", "ceiling", "round"))
_COMPARING = frozenset(("=", "!=", "<", "<=", ">", ">="))
_NOT_CONVERTING = frozenset(("", "boolean", "count", "local-name", "name", "namespace-uri", "not"))


@dataclass(slots=True)
class Taken:
    """Tokens `begin` to `end` are a path; `converted`: the XPath turns its nodes into text or numbers.

    `every`: it may look at all of them; `first`: of several it takes the first one, as functions and sums do; `number`:
    it calculates with them.
    """

    begin: int
    end: int
    converted: bool
    every: bool
    first: bool
    number: bool


class Conversions:
    """The paths of one expression, noted as they are read; `beside` are the tokens before and behind one."""

    def __init__(self) -> None:
        self._paths: list[Taken] = []

    def __len__(self) -> int:
        """Return how many are noted."""
        return len(self._paths)

    def note(self, begin: int, end: int, beside: set[str], taken_by: str) -> None:
        """Note a path that is an argument of the function `taken_by` ("" for none)."""
        every = bool(beside & _CONVERTING)
        converted = every or (taken_by not in _NOT_CONVERTING and not beside & {"and", "or"})
        first = taken_by != "sum" and not beside & _COMPARING
        number = taken_by in _CALCULATING or bool(beside & _ARITHMETIC)
        self._paths.append(Taken(begin, end, converted, every or taken_by == "sum", first, number))

    def forget(self, known: int) -> None:
        """Keep the first so many: what came after them is part of a path that is noted as a whole."""
        del self._paths[known:]

    def put_in_parentheses(self, known: int, beside: set[str]) -> None:
        """Take note that those after the first so many stand in parentheses with these tokens beside them."""
        if beside & _CONVERTING:
            for path in self._paths[known:]:
                path.converted = path.every = True
                path.number = path.number or (path.first and bool(beside & _ARITHMETIC))
                path.first = path.first and not beside & _COMPARING

    def converted(self) -> list[Taken]:
        """Return those whose nodes become text or numbers."""
        return [path for path in self._paths if path.converted]
