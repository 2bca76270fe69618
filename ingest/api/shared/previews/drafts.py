"""What a draft of a feed's settings would make of a file: every row as it stands in the file beside what it becomes."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from ingest.feeds.mapping import Expression
from ingest.pull.fetch import ContentLimits, Fetched, open_content
from ingest.pull.mapping.doubts import CellError, Doubts
from ingest.pull.mapping.transforms import compile_transform
from ingest.pull.parse.beginning import Beginning
from ingest.pull.records import MISSING
from schemas.items import COLUMNS
from schemas.outcomes import shown

MAX_ROWS = 1_000
_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Row:
    """One record: `raw` are its values by column or path, `item` what it becomes; else `rejects` say why not."""

    number: int
    raw: dict[str, Any]
    item: dict[str, Any] | None
    rejects: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Draft:
    """A look at a file by a draft's settings."""

    looked: Beginning
    rows: list[Row]


@dataclass(slots=True)
class Difference:
    """What an edit changes on the same rows: counts of rows and rejects, changed values by attribute with examples."""

    rows: int = 0
    rejects_before: int = 0
    rejects_after: int = 0
    changed: dict[str, int] = field(default_factory=dict)
    factors: dict[str, str] = field(default_factory=dict)
    examples: dict[str, list[tuple[int, Any, Any]]] = field(default_factory=dict)
    keys_changed: int = 0


def draft_of(looked: Beginning) -> Draft:
    """Return the rows of a look at the beginning of a file, with `MAX_ROWS` items at most."""
    items, raw = dict(looked.items), dict(looked.raw)
    rejects: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for reject in looked.rejects:
        rejects[reject["index"]].append(reject)
    numbers = sorted({*items, *rejects, *raw})[:MAX_ROWS]
    rows = [Row(number, raw.get(number, {}), items.get(number), rejects.get(number, [])) for number in numbers]
    return Draft(looked, [row for row in rows if row.item is not None or row.rejects])


def read_head(fetched: Fetched, size: int, limits: ContentLimits) -> tuple[bytes, bool]:
    """Return the first bytes of a fetched file, decompressed, and whether they are all of it. Blocks."""
    with open_content(fetched.path, content_encoding=fetched.content_encoding, limits=limits) as stream:
        head = stream.read(size)
        return head, not stream.read(1)


def difference(before: Draft, after: Draft) -> Difference:
    """Return what a draft changes against the saved settings, on the rows that both read."""
    old, new = ({row.number: row for row in draft.rows} for draft in (before, after))
    both = sorted(old.keys() & new.keys())
    found = Difference(len(both))
    found.rejects_before = sum(old[number].item is None for number in both)
    found.rejects_after = sum(new[number].item is None for number in both)
    changed: Counter[str] = Counter()
    factors: defaultdict[str, set[Decimal | None]] = defaultdict(set)
    for number in both:
        was, now = old[number].item, new[number].item
        if was is None or now is None:
            continue
        found.keys_changed += was.get("externalId") != now.get("externalId")
        for name in {**was, **now}:
            if was.get(name, MISSING) != now.get(name, MISSING):
                changed[name] += 1
                factors[name].add(_factor(was.get(name), now.get(name)))
                examples = found.examples.setdefault(name, [])
                if len(examples) < _EXAMPLES:
                    examples.append((number, was.get(name), now.get(name)))
    found.changed = dict(changed)
    for name, seen in factors.items():
        (factor, *more) = seen
        if not more and factor is not None:
            found.factors[name] = f"× {factor.normalize():f}"  # noqa: RUF001 - times
    return found


def steps(expression: Expression, attribute: str, value: Any, notation: Any) -> list[tuple[str, str]]:
    """Return what a value is after each transform: (its name, the value; why not, when it cannot be changed)."""
    found: list[tuple[str, str]] = []
    kind = COLUMNS[attribute].kind
    for transform in expression.transforms:
        name = transform if isinstance(transform, str) else transform.name
        try:
            value = compile_transform(transform, kind, notation, Doubts())(value)
        except (CellError, ValueError, TypeError) as error:
            return [*found, (name, str(error))]
        found.append((name, "nothing" if value is MISSING else str(shown(value))))
        if value is MISSING:
            break
    return found


def _factor(was: Any, now: Any) -> Decimal | None:
    try:
        before, after = Decimal(str(was)), Decimal(str(now))
    except InvalidOperation:
        return None
    return after / before if before and before.is_finite() and after.is_finite() else None
