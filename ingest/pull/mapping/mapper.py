"""Records to items: a block's columns at once where all is right, one record at a time where it is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from ingest.feeds.mapping import Expression, FormatSettings
from ingest.pull.mapping.doubts import CellError, Doubts
from ingest.pull.mapping.expressions import Compiled, Origin, compile_column
from ingest.pull.mapping.keys import KEYS
from ingest.pull.mapping.whole_columns import Made, Memories, Values
from ingest.pull.mapping.written import MadeColumn, items_of
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
    """Canonical items, as JSON, with their rows, and the rejects of `rejected` other records.

    `keys` are those of the items, `quantities` those that they have, null included.
    """

    items: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    rejects: list[FileReject] = field(default_factory=list)
    rejected: int = 0
    keys: list[str] = field(default_factory=list)
    quantities: list[int | None] = field(default_factory=list)

    def add(self, item: dict[str, Any], row: int) -> None:
        """Add an item."""
        self.items.append(orjson.dumps(item).decode())
        self.rows.append(row)
        self.keys.append(item[KEY])
        if QUANTITY in item:
            self.quantities.append(item[QUANTITY])


def paths_of(mapping: Mapping[str, Expression]) -> list[str | int]:
    """Return the different source paths of a mapping, in order."""
    return list(dict.fromkeys(path for expression in mapping.values() for path in expression.paths))


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
        made = [] if block.suspect else self._columns_made(values, absent, wrong)
        if not wrong:
            return Mapped(items_of(made), block.rows, keys=made[0].values, quantities=_quantities(made))
        return self._mixed(block, values, made, wrong)

    def _columns_made(self, values: Values, absent: set[int], wrong: set[int]) -> list[MadeColumn]:
        """Return the columns of the items; positions of items that have to be made one by one are added to `wrong`."""
        count = len(values[0])
        made = [
            MadeColumn(column.attribute, *self._run(column, values, count, wrong))
            for column in self._columns
            if not (column.optional and absent.issuperset(column.sources))
        ]
        telling = [column for column in made if column.attribute in self._telling]
        if self._refuses_bare and all(column.gaps for column in telling):
            bare = set(range(count))
            for column in telling:
                bare = {position for position in bare if column.values[position] is MISSING}
            wrong |= bare
        return made

    def _mixed(self, block: Block, values: Values, made: list[MadeColumn], wrong: set[int]) -> Mapped:
        """Return the items of a block in which some have to be made one by one."""
        mapped = Mapped()
        for position, row in enumerate(block.rows):
            if position not in wrong:
                item = {each.attribute: each.values[position] for each in made}
                mapped.add({name: value for name, value in item.items() if value is not MISSING}, row)
                continue
            found, rejects = self._one(row, [column[position] for column in values], suspect=block.suspect)
            mapped.rejects += rejects
            if found is None:
                mapped.rejected += 1
            else:
                mapped.add(found, row)
        return mapped

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


def _quantities(made: list[MadeColumn]) -> list[int | None]:
    """Return the quantities that items of these columns have."""
    for column in made:
        if column.attribute == QUANTITY:
            return [value for value in column.values if value is not MISSING] if column.gaps else column.values
    return []


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
