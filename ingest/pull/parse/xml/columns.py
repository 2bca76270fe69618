"""What an attribute's XPath finds in an item element: children and attributes at a glance, all else by XPath 1.0."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lxml import etree

from ingest.feeds.mapping import Expression, FormatSettings
from ingest.feeds.xpaths import item_path, tokens
from ingest.pull.mapping.kinds import kinds
from ingest.pull.mapping.mapper import Mapper, paths_of
from ingest.pull.mapping.values import Doubts
from ingest.pull.parse.names import LOOSE_ATTRIBUTES, loose
from ingest.pull.parse.source import Source
from ingest.pull.parse.xml.stream import Matcher, XmlStream
from ingest.pull.records import MAX_FIELDS_NOTED, MISSING, Block, FileReject, Report

_NAME = re.compile(r"(?:([^\W\d][\w.\-]*):)?([^\W\d][\w.\-]*)")
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_DEFAULT = "default-namespace"
_UNUSED = -1


class XmlReader:
    """Reads one file once; `blocks()` yields its items' elements."""

    def __init__(self, source: Source, settings: FormatSettings, report: Report, charset: str | None) -> None:
        self._report = report
        matcher = Matcher(item_path(settings.item_path or "", settings.namespaces), settings.namespaces)
        self._stream = XmlStream(source, settings, report, charset, matcher)
        self._settings = settings

    def blocks(self) -> Iterator[Block]:
        """Yield the items of each block of the file; a too large one is a reject."""
        row = 0
        for elements, too_large in self._stream.items():
            first = row + 1
            row += len(elements)
            rows = list(range(first, row + 1))
            if first == 1:
                self._report.columns = _names(elements[0])
            if too_large is None:
                yield Block(rows, elements, suspect=self._stream.suspect)
                continue
            at = elements.index(too_large)
            reject = FileReject(rows[at], None, None, None, "too_large", "the item is larger than 4 MiB")
            yield Block(
                [r for r in rows if r != rows[at]],
                [element for element in elements if element is not too_large],
                [reject],
                self._stream.suspect,
            )
        if row == 0 and self._stream.root is not None:
            root = self._stream.root
            below = ", ".join(dict.fromkeys(f"<{_written(child)}>" for child in root[:20]))
            self._report.hint = f"no element is {self._settings.item_path}: the root is <{_written(root)}>" + (
                f", it holds {below}" if below else ""
            )


def open_xml(
    source: Source, settings: FormatSettings, report: Report, charset: str | None, doubts: Doubts
) -> tuple[XmlReader, Mapper]:
    """Return the reader of a file and the mapper of its items."""
    mapping = settings.mapping or {name: Expression(path=name) for name in LOOSE_ATTRIBUTES.values()}
    extract = _Extract(settings, mapping)
    return XmlReader(source, settings, report, charset), Mapper(settings, mapping, extract, doubts)


class _Extract:
    """Elements → for every path, its value in each: text, MISSING, None for xsi:nil; a list where attributes take one.

    A path that no element had is None instead of a column.
    """

    def __init__(self, settings: FormatSettings, mapping: dict[str, Expression]) -> None:
        self._settings = settings
        self._paths = [str(path) for path in paths_of(mapping)]
        self._loose = not settings.mapping
        lists = {str(path) for name, e in mapping.items() if kinds()[name].name == "list" for path in e.paths}
        singles = {str(path) for name, e in mapping.items() if kinds()[name].name != "list" for path in e.paths}
        self._many = [path in lists - singles for path in self._paths]
        self._children = [_NAME.fullmatch(path) for path in self._paths]
        self._attributes: dict[int, str] = {}
        self._found_by: dict[int, Callable[[Any], Any]] | None = None
        self._places: dict[Any, int] = {}
        self._shared: dict[int, tuple[int, ...]] = {}
        self._seen: set[int] = set()

    def __call__(self, elements: Sequence[Any]) -> Sequence[Sequence[Any] | None]:
        if self._found_by is None:
            self._compile(elements[0].nsmap.get(None))
        rows = [self._row(element) for element in elements]
        return [column if place in self._seen else None for place, column in enumerate(zip(*rows, strict=True))]

    def _row(self, element: Any) -> list[Any]:
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
                text = _text(child)
            if place >= 0 and row[place] is MISSING:
                row[place] = text
            else:
                self._add(row, place, text)
        for place, name in self._attributes.items():
            value = element.get(name)
            if value is not None:
                row[place] = value
        for place, find in (self._found_by or {}).items():
            row[place] = _found(find(element), many=self._many[place])
        return row

    def _add(self, row: list[Any], place: int, text: Any) -> None:
        """Add the text of a child that is not the first of its name, or that several paths mean."""
        for each in (place,) if place >= 0 else self._shared[place]:
            if row[each] is MISSING:
                row[each] = text
            elif self._many[each]:
                row[each] = [*(row[each] if row[each].__class__ is list else [row[each]]), text]

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
                fits = self._settings.namespaces[parts[1]] == uri[1:] if parts[1] else child.prefix is None
            if fits:
                places.append(place)
        self._seen.update(places)
        found = places[0] if places else _UNUSED
        if len(places) > 1:
            found = _UNUSED - 1 - len(self._shared)
            self._shared[found] = tuple(places)
        self._places[child.tag] = found
        return found

    def _compile(self, default_namespace: str | None) -> None:
        self._found_by = {}
        namespaces = dict(self._settings.namespaces)
        if default_namespace:
            namespaces[_DEFAULT] = default_namespace
        for place, path in enumerate(self._paths):
            if self._children[place] is not None:
                continue
            self._seen.add(place)
            name = _NAME.fullmatch(path[1:]) if path[0] == "@" else None
            if name is not None:
                self._attributes[place] = f"{{{self._settings.namespaces[name[1]]}}}{name[2]}" if name[1] else name[2]
                continue
            written = with_default_namespace(path) if default_namespace else path
            self._found_by[place] = etree.XPath(written, namespaces=namespaces or None, smart_strings=False)


def with_default_namespace(path: str) -> str:
    """Return an XPath whose unprefixed element names are in the document's default namespace.

    XPath 1.0 has no default namespace; that `<feed xmlns="…">` then matches nothing is what people stumble over.
    """
    found = tokens(path)
    written = []
    begins = True  # an operand may begin here, so a name is no operator (XPath 1.0, section 3.7)
    for position, (kind, text) in enumerate(found):
        before = found[position - 1][1] if position else ""
        after = found[position + 1][1] if position + 1 < len(found) else ""
        operator = kind == "name" and not begins and text in ("and", "or", "div", "mod")
        of_attribute = before == "@" or (before == "::" and found[position - 2][1] == "attribute")
        element = (
            kind == "name" and not operator and not of_attribute and after not in ("(", "::", ":") and before != ":"
        )
        written.append(f" {text} " if operator else f"{_DEFAULT}:{text}" if element else text)
        begins = operator or (kind == "sign" and text not in (".", "..", ")", "]"))
    return "".join(written)


def _text(element: Any) -> Any:
    if len(element):
        return "".join(element.itertext())
    text = element.text
    if text is None:
        return None if element.get(_NIL) in ("true", "1") else ""
    return text


def _found(result: Any, *, many: bool) -> Any:
    if result.__class__ is list:
        texts = [node if node.__class__ is str else _text(node) for node in result]
        if not texts:
            return MISSING
        return texts if many and len(texts) > 1 else texts[0]
    if result.__class__ is float:
        return MISSING if result != result else format(result, ".15g")  # noqa: PLR0124
    if result.__class__ is bool:
        return "true" if result else "false"
    return result


def _written(element: Any) -> str:
    local = element.tag.rpartition("}")[2] if element.tag.__class__ is str else "?"
    return f"{element.prefix}:{local}" if element.prefix else local


def _names(element: Any) -> list[str]:
    names = [f"@{name}" for name in element.attrib] + [_written(child) for child in element]
    return list(dict.fromkeys(names))[:MAX_FIELDS_NOTED]
