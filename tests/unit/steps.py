"""A backtracking matcher that counts its steps, as `re` would take them: what a pattern costs, without a clock.

It reads what `re` itself made of a pattern. Texts that are bad for the pattern are made of its own pieces.
"""

from __future__ import annotations

import itertools
import re
from re import _constants as sre
from re import _parser as parser

MOST_STEPS = 50_000
_MOST_SAMPLES = 14
_CATEGORIES = {
    sre.CATEGORY_DIGIT: r"\d",
    sre.CATEGORY_NOT_DIGIT: r"\D",
    sre.CATEGORY_SPACE: r"\s",
    sre.CATEGORY_NOT_SPACE: r"\S",
    sre.CATEGORY_WORD: r"\w",
    sre.CATEGORY_NOT_WORD: r"\W",
}


_SINGLE = (sre.LITERAL, sre.NOT_LITERAL, sre.IN, sre.ANY)


class TooManyStepsError(Exception):
    """The match took more than `MOST_STEPS`."""


class Counter:
    """Counts the steps of one pattern on texts."""

    def __init__(self, pattern: re.Pattern) -> None:
        self._flags = pattern.flags
        source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
        tree = parser.parse(
            source, pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, bytes) else pattern.flags
        )
        self.tree = tree.data
        self._fits: dict[tuple[int, str], bool] = {}
        self.samples = sorted(set(_samples(self.tree)))[:_MOST_SAMPLES]

    def steps(self, text: str, *, anchored: bool) -> int:
        """Return the steps of trying the pattern at the beginning of a text, or at every place of it."""
        self._text, self._steps, self._groups = text, 0, {}
        at = 0
        while at <= len(text):
            end = self._run(self.tree, 0, at, lambda end: end)
            if anchored:
                break
            at = end if end is not None and end > at else at + 1
        return self._steps

    def _run(self, nodes, index, at, then):  # noqa: C901, PLR0911 - a branch for each kind of node
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise TooManyStepsError
        if index == len(nodes):
            return then(at)
        kind, value = nodes[index]
        follow = lambda end: self._run(nodes, index + 1, end, then)  # noqa: E731
        if kind in _SINGLE:
            return follow(at + 1) if at < len(self._text) and self._is(kind, value, self._text[at]) else None
        if kind is sre.BRANCH:
            for branch in value[1]:
                if (end := self._run(branch.data, 0, at, follow)) is not None:
                    return end
            return None
        if kind is sre.SUBPATTERN:
            group, _, _, inner = value

            def close(end):
                self._groups[group] = self._text[at:end]
                return follow(end)

            return self._run(inner.data, 0, at, close)
        if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            return self._repeat(value, 0, at, follow, lazy=kind is sre.MIN_REPEAT)
        if kind in (sre.ASSERT, sre.ASSERT_NOT):
            direction, inner = value
            begins = [at] if direction > 0 else [at - inner.getwidth()[0]] if at >= inner.getwidth()[0] else []
            hit = any(
                self._run(inner.data, 0, begin, lambda end: end if direction > 0 or end == at else None) is not None
                for begin in begins
            )
            return follow(at) if hit == (kind is sre.ASSERT) else None
        if kind is sre.GROUPREF:
            text = self._groups.get(value, "")
            return follow(at + len(text)) if self._text.startswith(text, at) else None
        assert kind is sre.AT, kind
        return follow(at) if self._is_place(value, at) else None

    def _repeat(self, value, count, at, follow, *, lazy):
        low, high, inner = value
        if len(inner) == 1 and inner[0][0] in _SINGLE:
            return self._run_of(value, at, follow, lazy=lazy)
        for more in (False, True) if lazy else (True, False):
            if more and count < high:
                end = self._run(inner.data, 0, at, self._again(value, count, at, follow, lazy=lazy))
            else:
                end = follow(at) if not more and count >= low else None
            if end is not None:
                return end
        return None

    def _again(self, value, count, at, follow, *, lazy):
        def again(end):
            if end == at and count >= value[0]:
                return None
            return self._repeat(value, count + 1, end, follow, lazy=lazy)

        return again

    def _run_of(self, value, at, follow, *, lazy):
        """Repeat one sign, as `re` does, without going deeper."""
        low, high, inner = value
        most = 0
        while most < high and at + most < len(self._text) and self._is(*inner[0], self._text[at + most]):
            most += 1
        self._steps += most
        counts = range(low, most + 1)
        for count in counts if lazy else reversed(counts):
            self._steps += 1
            if (end := follow(at + count)) is not None:
                return end
        return None

    def _is(self, kind, value, sign):
        key = kind, id(value), sign
        if key not in self._fits:
            self._fits[key] = self._looked_at(kind, value, sign)
        return self._fits[key]

    def _looked_at(self, kind, value, sign):
        if kind is sre.ANY:
            return bool(self._flags & re.DOTALL) or sign != "\n"
        if kind is sre.IN:
            negated = value[0][0] is sre.NEGATE
            return any(self._is_one(*each, sign) for each in value[negated:]) != negated
        return self._is_one(sre.LITERAL, value, sign) == (kind is sre.LITERAL)

    def _is_one(self, kind, value, sign):
        if kind is sre.CATEGORY:
            return re.match(_CATEGORIES[value], sign, self._flags & re.ASCII) is not None
        signs = {sign, sign.lower(), sign.upper()} if self._flags & re.IGNORECASE else {sign}
        if kind is sre.RANGE:
            return any(len(each) == 1 and value[0] <= ord(each) <= value[1] for each in signs)
        return any(len(each) == 1 and ord(each) == value for each in signs)

    def _is_place(self, place, at):
        if place in (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING):
            return at == 0
        if place in (sre.AT_END, sre.AT_END_STRING):
            return at == len(self._text)
        if place in (sre.AT_BOUNDARY, sre.AT_NON_BOUNDARY):
            sides = [re.match(r"\w", sign) is not None for sign in (self._text[at - 1 : at], self._text[at : at + 1])]
            return (sides[0] != sides[1]) == (place is sre.AT_BOUNDARY)
        raise AssertionError(place)


def bad_texts(samples: list[str], size: int) -> list[str]:
    """Return texts that repeat one or two pieces of a pattern, behind another piece, and end in what fits nothing."""
    pieces = [*samples, *("".join(pair) for pair in itertools.permutations(samples, 2) if len(samples) < 6)]
    heads = ["", *samples[:4]]
    return [head + piece * size + "\x01" for head in heads for piece in pieces]


def _samples(nodes):  # noqa: C901 - a branch for each kind of node
    """Yield pieces of what a pattern matches: signs of its classes, and runs of its literals."""
    run = ""
    for kind, value in nodes:
        if kind is sre.LITERAL:
            run += chr(value)
            continue
        if run:
            yield run
            run = ""
        if kind is sre.IN:
            yield from _of_class(value)
        elif kind in (sre.ANY, sre.NOT_LITERAL):
            yield "a"
        elif kind is sre.BRANCH:
            for branch in value[1]:
                yield from _samples(list(branch))
        elif kind is sre.SUBPATTERN:
            yield from _samples(list(value[3]))
        elif kind in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            inner = list(_samples(list(value[2])))
            yield from inner
            if len(inner) > 1:
                yield "".join(inner)
        elif kind in (sre.ASSERT, sre.ASSERT_NOT):
            yield from _samples(list(value[1]))
    if run:
        yield run


def _of_class(value):
    negated = value[0][0] is sre.NEGATE
    if negated:
        yield "a"
        yield " "
        return
    for kind, what in value[:3]:
        if kind is sre.LITERAL:
            yield chr(what)
        elif kind is sre.RANGE:
            yield chr(what[0])
        elif kind is sre.CATEGORY:
            yield {"\\d": "1", "\\s": " ", "\\w": "a"}.get(_CATEGORIES[what], "-")
