"""Items of an XML file without a tree: cut from the text by their tags, where one with the same tags was a tree before.

Most items of a file have the same tags in the same order, and a tree of each costs more than all that is done with it.
So the first item of each layout is written once with a mark in place of every text, read as a tree, and looked at as
every item is: where the marks come out says which texts of the others are which values. What comes out otherwise, or
what a layout does not say (comments, a > in a text, unusual characters), is left to the parser.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any

from lxml import etree

from ingest.pull.parse.xml.document import item_parser, written_name
from ingest.pull.parse.xml.matcher import Matcher
from ingest.pull.parse.xml.references import left_open, lines_in, unescaped, without_cdata
from ingest.pull.records import MISSING, Refused

_MAX_MISSES = 8
"""Blocks that are none of flat items, more than those that are, before no more are tried."""
_MOST_LAYOUTS = 256
_MOST_LINES = 1 << 20
"""Lines that the parser is behind at most: they are made up for by a comment, which may not be too long."""
_OPENS = "\x01"
"""Put in front of each tag: no character of an XML file, so that a text is never taken for a tag."""
_MARK = "\ue000"
_NOT_VARIABLE = ("xmlns", ":nil", "xml:", "'")
"""What of a tag an attribute's value may change the meaning of, or hide."""
_NO_CHARACTERS = "\ufffe\uffff"

ValuesOf = Callable[[Any], Sequence[Any]]
"""An item's element → for each path its value, as `FlatItems.rows` has them."""


class FlatItems:
    """Items of a stretch of a file. `rows` has for each item the values of all paths; iterating gives the elements."""

    def __init__(self, rows: list[Sequence[Any]], *written: bytes) -> None:
        """`written` is a document of the items, in pieces."""
        self.rows, self._written = rows, written

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Any]:
        return iter(etree.fromstring(b"".join(self._written), item_parser()))


class _Layout:
    """Which of the values of an item, its texts and then its quoted attributes, are those of the paths."""

    def __init__(self, found: Sequence[Any], marks: dict[str, int]) -> None:
        """Raises ValueError for what does not follow from the layout alone."""
        self._constants: list[Any] = [MISSING]
        self._lists: list[tuple[int, list[int]]] = []
        places = []
        for at, value in enumerate(found):
            if value.__class__ is list:
                self._lists.append((at, [marks[each] for each in value]))
                places.append(len(marks))
            elif value.__class__ is str and value in marks:
                places.append(marks[value])
            elif value is MISSING or value == "" or (value.__class__ is Refused and value.code == "elements"):
                self._constants.append(value)
                places.append(len(marks) + len(self._constants) - 1)
            else:
                raise ValueError("depends on the text")
        self._get = itemgetter(*places, len(marks))  # of two at least it gives a tuple

    def row(self, values: list[str]) -> Sequence[Any]:
        """Return an item's values of all paths, and one more."""
        row: tuple[Any, ...] = self._get(values + self._constants)
        if not self._lists:
            return row
        made = list(row)
        for at, places in self._lists:
            made[at] = [values[place] for place in places]
        return made


class FlatReader:
    """Cuts items from a file. `end` and `follow` keep the place: items are cut right behind one that was parsed."""

    def __init__(self, matcher: Matcher, values_of: ValuesOf | None) -> None:
        """`values_of` is None where items are to be trees."""
        self.has_cut = False
        self._lines = 0
        self._values_of = values_of if matcher.is_plain and not matcher.takes_all else None
        self._closing: bytes | None = None
        self._follows = False
        self._end_tag = b""
        self._item: tuple[str, str, bytes] | None = None
        """Name as written, full name, and what encloses the items to declare their prefixes."""
        self._layouts: dict[str, _Layout | None] = {}
        self._misses = 0

    def end(self, data: bytes) -> int:
        """Return where the last item in the data ends, or all of it."""
        if self._values_of is None or not self._end_tag or self._end_tag not in data:
            return len(data)
        return data.rindex(self._end_tag) + len(self._end_tag)

    def lines_left(self) -> bytes:
        """Return the newlines of the items that were cut since this was asked."""
        lines, self._lines = self._lines, 0
        return b"\n" * lines

    def follow(self, parsed: bytes, elements: Sequence[Any]) -> None:
        """Note what was parsed, up to `end`, and the items that ended in it."""
        if self._values_of is None:
            return
        self._closing = left_open(parsed, self._closing)
        self._follows = False
        if not elements:
            return
        item = elements[-1]
        name = written_name(item)
        self._end_tag = f"</{name}>".encode()
        around = list(item.iterancestors())
        if not around or any(written_name(each) == name for each in around):
            return
        if around[-1].getroottree().docinfo.internalDTD is not None:  # it may give elements more attributes
            self._values_of = None
        is_last = all(each.getnext() is None for each in (item, *around))
        self._follows = is_last and self._closing is None and parsed.endswith(self._end_tag)
        head = etree.tostring(etree.Element("items", nsmap=around[0].nsmap)).removesuffix(b"/>") + b">"
        if self._item != (name, item.tag, head):
            self._item = name, item.tag, head
            self._layouts.clear()

    def cut(self, data: bytes) -> tuple[FlatItems | None, bytes]:
        """Return the items at the beginning of the data, and what is behind them; None if they have to be parsed."""
        if not self._follows or self._values_of is None or self._item is None or self._lines > _MOST_LINES:
            return None, data
        name, _, head = self._item
        markup, rest = without_cdata(data)
        end = markup.rfind(self._end_tag) + len(self._end_tag)
        if end < len(self._end_tag):
            return None, data
        rows = None
        # One character is looked for a word at a time.
        if not ((b"!" in markup and b"<!" in markup) or (b"?" in markup and b"<?" in markup)):
            rows = self._rows(markup[:end], f"{_OPENS}/{name}")
        self._misses = max(self._misses + (1 if rows is None else -1), 0)
        if rows is None:
            if self._misses >= _MAX_MISSES:
                self._values_of = None
            return None, data
        self.has_cut = True
        taken = markup[:end]
        self._lines += lines_in(taken)
        return FlatItems(rows, head, taken, b"</items>"), markup[end:] + rest

    def _rows(self, markup: bytes, last: str) -> list[Sequence[Any]] | None:
        """Return the values of each item in what ends with the last one's end tag; None for unknown layouts."""
        if b"\r" in markup:
            markup = markup.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        marked = markup.replace(b"<", f">{_OPENS}".encode())
        text = marked.decode()
        pieces = text.split(">")
        tags, texts = pieces[1::2], pieces[2::2]
        # As many < as tags: with each layout's tags behind one, none is in front of a text.
        if not len(marked) - len(markup) == len(tags) == len(texts) or any(map(text.__contains__, _NO_CHARACTERS)):
            return None
        escaped = "&" in text
        if escaped:
            texts = unescaped("\0".join(texts)).split("\0")
        rows: list[Sequence[Any]] = []
        begin, before, layout = 0, tags[:0], None
        while begin < len(tags):
            end = begin + len(before)
            values = texts[begin:end]
            if layout is None or tags[begin:end] != before:
                end = tags.index(last, begin) + 1
                before, key, values = tags[begin:end], ">".join(tags[begin:end]), texts[begin:end]
                if '"' in key:
                    key, quoted = _without_attributes(key)
                    before = []
                    values += (unescaped(quoted) if escaped else quoted).split("\0")
                layout = self._layouts.get(key) or self._learned(key, len(values) - (end - begin))
                if layout is None:
                    return None
            rows.append(layout.row(values))
            layout = layout if before else None
            begin = end
        return rows

    def _learned(self, key: str, attributes: int) -> _Layout | None:
        """Return a new layout, of so many quoted attributes; None if it does not say all, also when asked again."""
        if key in self._layouts:
            return None
        if len(self._layouts) >= _MOST_LAYOUTS:
            self._misses = _MAX_MISSES
            return None
        try:
            self._layouts[key] = self._layout(key, attributes)
        except (etree.XMLSyntaxError, ValueError, KeyError):
            self._layouts[key] = None
        return self._layouts[key]

    def _layout(self, key: str, attributes: int) -> _Layout:
        assert self._item is not None
        assert self._values_of is not None
        _, full_name, head = self._item
        pieces = key.split('"')
        tags = key.split(">")
        if len(pieces) != attributes + 1 or any(tag[:1] != _OPENS for tag in tags):
            raise ValueError("a > in a text or an attribute, or a quotation mark that is none")
        if any(word in key for word in _NOT_VARIABLE):
            raise ValueError("what tags mean depends on their attributes")
        marks = [f"{_MARK}{at}" for at in range(len(tags) + attributes)]
        quoted = iter(marks[len(tags) :])
        tags = ['"'.join(_woven(tag.removeprefix(_OPENS).split('"'), quoted)) for tag in tags]
        written = "".join(f"<{tag}>{mark}" for tag, mark in zip(tags, marks, strict=False))
        items = etree.fromstring(head + written.encode() + b"</items>", item_parser())
        if len(items) != 1 or items[0].tag != full_name:
            raise ValueError("not one item")
        local = full_name.rpartition("}")[2]
        if any(each.tag.rpartition("}")[2] == local for each in items[0].iterdescendants()):
            raise ValueError("may be an item inside another")
        return _Layout(self._values_of(items[0]), {mark: at for at, mark in enumerate(marks)})


def _without_attributes(key: str) -> tuple[str, str]:
    """Return an item's tags without what stands in quotation marks, and that, normalised, with U+0000 between."""
    parts = key.split('"')
    quoted = "\0".join(parts[1::2]).replace("\n", " ").replace("\t", " ")
    return '"'.join(parts[::2]) + ("" if len(parts) % 2 else _MARK), quoted


def _woven(pieces: list[str], between: Iterator[str]) -> Iterator[str]:
    """Yield pieces with a mark between each two."""
    for at, piece in enumerate(pieces):
        if at:
            yield next(between)
        yield piece
