"""What an attribute's XPath finds in an item element: children and attributes at a glance, all else by XPath 1.0."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from ingest.feeds.mapping import Expression, FormatSettings
from ingest.feeds.xpaths import item_path, with_xml
from ingest.pull.mapping.doubts import NUMBERS, Doubts
from ingest.pull.mapping.keys import KEYS
from ingest.pull.mapping.mapper import Mapper, paths_of
from ingest.pull.parse.names import LOOSE_ATTRIBUTES, loose
from ingest.pull.parse.source import Source
from ingest.pull.parse.xml.around import Around, Compiled
from ingest.pull.parse.xml.document import Document
from ingest.pull.parse.xml.flat import FlatItems, FlatReader
from ingest.pull.parse.xml.made import Made, one_of, text_of, together, value_of
from ingest.pull.parse.xml.matcher import Matcher
from ingest.pull.parse.xml.reader import XmlReader
from ingest.pull.parse.xml.stream import XmlStream
from ingest.pull.records import MISSING, Block, Report
from schemas.items import COLUMNS, KEY

_NAME = re.compile(r"(?:([^\W\d][\w.\-]*):)?([^\W\d][\w.\-]*)")
_PLAIN = re.compile(rf"(?:{_NAME.pattern}/)*@?{_NAME.pattern}")
_UNUSED = -1


def open_xml(
    source: Source, settings: FormatSettings, report: Report, charset: str | None, doubts: Doubts
) -> tuple[XmlReader, Mapper]:
    """Return the reader of a file and the mapper of its items."""
    mapping = settings.mapping or {name: Expression(path=name) for name in LOOSE_ATTRIBUTES.values()}
    many = _many(mapping)

    def reopen() -> Iterator[bytes]:
        return Document(source.again(), settings, Report(), charset).blocks()

    every = {path: many[path] or _is_decisive(settings.mapping, path) for path in many} if settings.mapping else {}
    around = Around(settings, every, reopen)
    matcher = Matcher(item_path(settings.item_path or "", settings.namespaces), settings.namespaces)
    document = Document(source, settings, report, charset)
    extract = _Extract(settings, many, around)
    flat = FlatReader(matcher, extract.values_of if extract.is_plain else None)
    elements = XmlStream(document, report, matcher, flat, around if around.needed else None)
    reader = XmlReader(elements, settings.item_path or "", report, pairs=around.needed)
    mapper = Mapper(settings, mapping, extract, doubts)

    def key_of(record: Any) -> str | None:
        mapped = mapper.map_block(Block([1], [record], suspect=True))
        return mapped.keys[0] if mapped.keys else mapped.rejects[0].external_id

    reader.key_of = key_of
    return reader, mapper


def _many(mapping: Mapping[str, Expression]) -> dict[str, bool]:
    """Return for each path of a mapping whether all its nodes count: only lists take them."""
    lists = {str(path) for name, e in mapping.items() if COLUMNS[name].kind == "list" for path in e.paths}
    singles = {str(path) for name, e in mapping.items() if COLUMNS[name].kind != "list" for path in e.paths}
    return {path: path in lists - singles for path in map(str, paths_of(mapping))}


class _Extract:
    """Elements → for every path, its value in each: text, MISSING, None for xsi:nil; a list where attributes take one.

    A path that no element had is None instead of a column. An element that contains elements is no value: `Refused`.
    """

    def __init__(self, settings: FormatSettings, many: Mapping[str, bool], around: Around) -> None:
        self._namespaces = with_xml(settings.namespaces)
        self._around = around
        self._paths = list(many)
        self._loose = not settings.mapping
        self._many = list(many.values())
        self._single = [_is_decisive(settings.mapping, path) for path in self._paths]
        """Of several nodes that differ it must be said which one is meant: keys and numbers."""
        self._key_places = {place for place, path in enumerate(self._paths) if _is_key(settings.mapping, path)}
        self._number_places = {place for place, path in enumerate(self._paths) if _is_number(settings.mapping, path)}
        self._children = [_NAME.fullmatch(path) for path in self._paths]
        self._attributes: dict[int, str] = {}
        self._notation = settings.decimal_notation
        self._found_by: dict[int, Compiled] | None = None
        self._places: dict[Any, int] = {}
        self._shared: dict[int, tuple[int, ...]] = {}
        self._seen: set[int] = set()

    @property
    def is_plain(self) -> bool:
        """Return whether no path looks outside the items, or at more than names."""
        return not self._around.needed and all(map(_PLAIN.fullmatch, self._paths))

    def values_of(self, element: Any) -> list[Any]:
        """Return for every path its value in this item."""
        if self._found_by is None:
            self._compile(element)
        return self._row(element)

    def __call__(self, records: Any) -> Sequence[Sequence[Any] | None]:
        if isinstance(records, FlatItems):
            return self._columns(records.rows)
        pairs = records[0].__class__ is tuple
        if self._found_by is None:
            self._compile(records[0][0] if pairs else records[0])
        rows = [self._row(*record) for record in records] if pairs else [self._row(record) for record in records]
        return self._columns(rows)

    def _columns(self, rows: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any] | None]:
        columns = islice(zip(*rows, strict=True), len(self._paths))
        return [column if place in self._seen else None for place, column in enumerate(columns)]

    def _row(self, element: Any, around: Mapping[str, Any] | None = None) -> list[Any]:
        row = [MISSING] * len(self._paths)
        get_place = self._places.get
        for child in element:
            place = get_place(child.tag)
            if place is None:
                place = self._place_of(child)
            if place == _UNUSED:
                continue
            text = child.text
            if text is None or len(child):
                text = text_of(child)
            if place >= 0 and row[place] is MISSING:
                row[place] = text
            else:
                self._add(row, place, text)
        for place, name in self._attributes.items():
            value = element.get(name)
            if value is not None:
                row[place] = value
        for place, path in (self._found_by or {}).items():
            row[place] = self._by_xpath(place, path, element, around)
        return row

    def _by_xpath(self, place: int, path: Compiled, element: Any, around: Mapping[str, Any] | None) -> Any:
        nodes = {name: around[name] for name in path.names} if around and path.names else {}
        found = path.find(element, **nodes)
        value, single = value_of(found, many=self._many[place], single=self._single[place]), self._single[place]
        if found.__class__ is float and single and self._notation == "comma" and value is not MISSING:
            value = value.replace(".", ",")
        if not path.converted or found.__class__ is list:
            return value
        made = Made(path, element, nodes)
        fault = made.fault(found, decisive=single, is_key=place in self._key_places) or made.miscounted(self._notation)
        if fault is None and place in self._number_places and found.__class__ is str:
            fault = made.cut(found.strip())
        return fault or value

    def _add(self, row: list[Any], place: int, text: Any) -> None:
        """Add the text of a child that is not the first of its name, or that several paths mean."""
        for each in (place,) if place >= 0 else self._shared[place]:
            if row[each] is MISSING:
                row[each] = text
            elif self._many[each]:
                row[each] = together([*(row[each] if row[each].__class__ is list else [row[each]]), text])
            elif self._single[each]:
                row[each] = one_of([row[each], text])

    def _place_of(self, child: Any) -> int:
        """Return which path means this child: its position, `_UNUSED`, or a key of `_shared` for several."""
        uri, _, local = child.tag.rpartition("}")
        places = []
        for place, (path, parts) in enumerate(zip(self._paths, self._children, strict=True)):
            if self._loose:
                fits = loose(path) == loose(local)
            elif parts is None or parts[2] != local:
                fits = False
            else:
                fits = self._namespaces[parts[1]] == uri[1:] if parts[1] else child.prefix is None
            if fits:
                places.append(place)
        self._seen.update(places)
        found = places[0] if places else _UNUSED
        if len(places) > 1:
            found = _UNUSED - 1 - len(self._shared)
            self._shared[found] = tuple(places)
        self._places[child.tag] = found
        return found

    def _compile(self, element: Any) -> None:
        if not self._around.needed:
            self._around.begin(element)
        self._found_by = {}
        for place, path in enumerate(self._paths):
            if self._children[place] is not None:
                continue
            self._seen.add(place)
            name = _NAME.fullmatch(path[1:]) if path[0] == "@" else None
            if name is not None:
                self._attributes[place] = f"{{{self._namespaces[name[1]]}}}{name[2]}" if name[1] else name[2]
            else:
                self._found_by[place] = self._around.compiled(path)


def _is_decisive(mapping: Mapping[str, Expression], path: str) -> bool:
    """Return whether a key or a number is read from this path."""
    if not mapping:
        attribute = LOOSE_ATTRIBUTES.get(loose(path), path)
        return attribute in KEYS or COLUMNS[attribute].kind in NUMBERS
    users = [name for name, expression in mapping.items() if path in expression.paths]
    return any(name in KEYS or COLUMNS[name].kind in NUMBERS for name in users)


def _is_key(mapping: Mapping[str, Expression], path: str) -> bool:
    return KEY in mapping and path in mapping[KEY].paths


def _is_number(mapping: Mapping[str, Expression], path: str) -> bool:
    return any(path in e.paths for name, e in mapping.items() if COLUMNS[name].kind in NUMBERS)
