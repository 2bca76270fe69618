"""Records to items: a block's columns at once where all is right, one record at a time where it is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ingest.feeds.mapping import Expression, FormatSettings
from ingest.pull.mapping.cells import KEYS, CellError, Doubts
from ingest.pull.mapping.expressions import Compiled, Origin, compile_column
from ingest.pull.mapping.whole_columns import Made, Memories, Values
from ingest.pull.records import MISSING, Block, FileReject, FormatError, Refused
from schemas.items import ATTRIBUTES, COLUMNS, DECISIVE, KEY, BadAttributes
from schemas.keys import clean_key
from schemas.outcomes import shown
from schemas.validation import validate

QUANTITY = "inventoryQuantity"
_BARE = "nothing but a key stands here: a heading, or an item that lacks its values"
_FEW = 12
"""Values that are made one by one sooner than by halves."""
Extract = Callable[[Sequence[Any]], Sequence[Any]]
"""Records → for every path, the values of all the records, or None where no record has one."""


@dataclass(slots=True)
class Mapped:
    """Canonical items with their rows, and the rejects of `rejected` other records. `keys` are those of the items, if
    they were made at once; else none.
    """

    items: list[dict[str, Any]] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    rejects: list[FileReject] = field(default_factory=list)
    rejected: int = 0
    keys: list[str] = field(default_factory=list)


def paths_of(mapping: Mapping[str, Expression]) -> list[str | int]:
    """Return the different source paths of a mapping, in order."""
    return list(dict.fromkeys(path for expression in mapping.values() for path in expression.paths))


@cache
def item_maker(names: tuple[str, ...]) -> Callable[[Sequence[Sequence[Any]]], list[dict[str, Any]]]:
    """Return the function that makes items of these columns.

    Its code is written for these attributes, as `dataclasses` does it: a literal of fifteen names is made six times as
    fast as a dict is filled.
    """
    values = [f"v{at}" for at in range(len(names))]
    pairs = ", ".join(f"{name!r}: {value}" for name, value in zip(names, values, strict=True))
    source = f"lambda columns: [{{{pairs}}} for ({', '.join(values)},) in zip(*columns, strict=True)]"
    make: Callable[[Sequence[Sequence[Any]]], list[dict[str, Any]]] = eval(source)  # noqa: S307 - names of `Item` alone
    return make


class Mapper:
    """A mapping compiled for one file. `extract` reads the values of `paths_of(mapping)` from records."""

    def __init__(
        self, settings: FormatSettings, mapping: Mapping[str, Expression], extract: Extract, doubts: Doubts
    ) -> None:
        positions = {path: position for position, path in enumerate(paths_of(mapping))}
        origin = Origin(settings.resource_type != "api", settings.decimal_notation, Memories(), doubts)
        self._extract = extract
        self._bad_attributes = settings.bad_attributes
        self._columns: list[Compiled] = []
        for attribute in (name for name in ATTRIBUTES if name in mapping):
            expression = mapping[attribute]
            sources = tuple(positions[path] for path in expression.paths)
            try:
                self._columns.append(compile_column(attribute, COLUMNS[attribute], expression, sources, origin))
            except (ValueError, TypeError):
                raise FormatError(f"mapping: the constant of {attribute} is not a value that it takes") from None
        self._labels = {column.attribute: column.label for column in self._columns}
        self._telling = frozenset(
            each.attribute
            for each in self._columns
            if each.sources and not (each.attribute in KEYS and each.sources == self._columns[0].sources)
        )
        """Attributes that say something of an item: neither constants nor its key once more."""
        named = bool(settings.mapping) or settings.resource_type == "ftpCsv"
        self._refuses_bare = named and QUANTITY in self._telling

    def map_block(self, block: Block) -> Mapped:
        """Return the items of a block's records."""
        count = len(block.records)
        if not count:
            return Mapped()
        extracted = self._extract(block.records)
        absent = {source for source, column in enumerate(extracted) if column is None}
        values: Values = extracted
        if absent:
            values = [(MISSING,) * count if column is None else column for column in extracted]
        wrong = set(range(count)) if block.suspect else set()
        items: list[dict[str, Any]] = [{}] * count
        if not block.suspect:
            items, keys = self._items(values, absent, wrong)
            if not wrong:
                return Mapped(items, block.rows, keys=keys)
        mapped = Mapped()
        for position, (row, item) in enumerate(zip(block.rows, items, strict=True)):
            rejects: list[FileReject] = []
            found: dict[str, Any] | None = item
            if position in wrong:
                found, rejects = self._one(row, [column[position] for column in values], suspect=block.suspect)
            mapped.rejects += rejects
            if found is None:
                mapped.rejected += 1
            else:
                mapped.items.append(found)
                mapped.rows.append(row)
        return mapped

    def _items(self, values: Values, absent: set[int], wrong: set[int]) -> tuple[list[dict[str, Any]], list[str]]:
        """Return the items, and their keys."""
        count = len(values[0])
        made = [
            (column.attribute, *self._run(column, values, count, wrong))
            for column in self._columns
            if not (column.optional and absent.issuperset(column.sources))
        ]
        whole = [(name, column_made) for name, column_made, gaps in made if not gaps]
        items: list[dict[str, Any]] = [{} for _ in range(0 if whole else count)]
        if whole:
            items = item_maker(tuple(name for name, _ in whole))([column_made for _, column_made in whole])
        for name, column_made, gaps in made:
            if gaps:
                for item, value in zip(items, column_made, strict=True):
                    if value is not MISSING:
                        item[name] = value
        if self._refuses_bare and self._telling.isdisjoint(name for name, _ in whole):
            wrong.update(position for position, item in enumerate(items) if self._telling.isdisjoint(item))
        return items, made[0][1]

    def _run(self, column: Compiled, values: Values, count: int, wrong: set[int], begin: int = 0) -> Made:
        """Return a column; what stops it from being made at once is looked for by halves, from position `begin` on."""
        try:
            return column.column(values, count)
        except (ValueError, TypeError):
            made: list[Any] = []
        if count > _FEW:
            for half in (slice(count // 2), slice(count // 2, count)):
                part = [column_values[half] if at in column.sources else () for at, column_values in enumerate(values)]
                made += self._run(column, part, len(range(count)[half]), wrong, begin + len(made))[0]
            return made, True
        for position in range(count):
            try:
                made.append(column.cell(*(values[source][position] for source in column.sources)))
            except (ValueError, TypeError):
                made.append(MISSING)
                wrong.add(begin + position)
        return made, True

    def _one(self, row: int, values: list[Any], *, suspect: bool) -> tuple[dict[str, Any] | None, list[FileReject]]:
        raw: dict[str, Any] = {}
        errors: dict[str, tuple[CellError, Any]] = {}
        for column in self._columns:
            sources = [values[source] for source in column.sources]
            try:
                value = column.candidate(*sources)
                if suspect:
                    _refuse_undecoded(value)
            except CellError as error:
                errors[column.attribute] = error, next(filter(_is_shown, sources), None)
            else:
                if value is not MISSING:
                    raw[column.attribute] = value
        # A row with bytes that are no text is in doubt as a whole.
        bad_attributes: BadAttributes = "rejectItem" if suspect else self._bad_attributes
        result = validate([raw], bad_attributes)
        item = result.items[0] if result.items else None
        says_nothing = item is not None and self._telling.isdisjoint(item)
        if errors and (bad_attributes == "rejectItem" or errors.keys() & DECISIVE or says_nothing):
            item = None
        elif says_nothing and self._refuses_bare:
            errors[QUANTITY] = CellError("required", _BARE), None
            item = None
        key = raw.get(KEY)
        if KEY in errors and errors[KEY][0].code == "no_item":  # told with what it is: no item is missing for it
            key = errors[KEY][1]
        key = _clean(clean_key(key)) if key.__class__ is str else None
        told = [(name, error.code, _told(error, value), value) for name, (error, value) in errors.items()]
        told += [
            (reject.field or "", reject.code, reject.message, reject.value)
            for reject in (*result.rejects, *result.skipped)
            if reject.field not in errors
        ]
        skipped = item is not None
        return item, [
            FileReject(
                row, key or None, name, self._labels.get(name), code, _clean(words), shown(_clean(value)), skipped
            )
            for name, code, words, value in told
        ]


def _told(error: CellError, value: Any) -> str:
    return str(error) if value is None else f"{error}; got {shown(_clean(value))!r}"


def _is_shown(value: Any) -> bool:
    return value is not MISSING and value != "" and value.__class__ is not Refused


def _refuse_undecoded(value: Any) -> None:
    if value.__class__ is str:
        broken = "\ufffd" in value or not _is_unicode(value)
    else:
        broken = value.__class__ in (list, dict) and not _is_unicode(repr(value))
    if broken:
        raise CellError("encoding", "bytes that are no text in the file's encoding: set the feed's encoding")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _clean(value: Any) -> Any:
    """Return a text fit for JSON: what could not be decoded becomes U+FFFD."""
    if value.__class__ is str and not _is_unicode(value):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value
