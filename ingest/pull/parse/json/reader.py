"""JSON to records: walk to the items, take whole stretches of them at a time, walk on for the page's fields.

A file may hold several documents, one behind the other: each is walked through.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ingest.feeds.jsonpaths import STAR, Step, json_path
from ingest.feeds.mapping import FormatSettings
from ingest.pull.parse.encoding import Decoder, utf8_of
from ingest.pull.parse.formats import refuse_other_format
from ingest.pull.parse.json.decode import Alike, RepeatedNameError, loads
from ingest.pull.parse.json.elements import TOO_LARGE, ElementReader, Elements, Faulty
from ingest.pull.parse.json.scan import PADDING, BrokenError, Window
from ingest.pull.parse.json.values import KEY, expanded
from ingest.pull.parse.source import Source
from ingest.pull.records import MAX_RECORD_BYTES, Block, FileReject, FormatError, Report, blocks_of
from schemas.outcomes import shown

DEFAULT_NAMES = ("inventory", "items")
"""Where a document that is an object has its items when the feed has no `itemPath`."""
MAX_PAGE_FIELDS, MAX_PAGE_VALUE, MAX_DEPTH = 500, 4096, 64
_LINE = re.compile(rb"[^\n]+")
_MEMBER = re.compile(rb'\s*("[^"\\]{1,255}")\s*:')
_PAIR = re.compile(rb'"([^"\\]{1,100})"\s{0,20}:\s{0,20}("[^"\\]{0,255}"|-?\d{1,255})')
_NUL = b"\\u0000"
_REPLACEMENT = "\ufffd".encode()

_ERRORS = frozenset(("error", "errors", "exception", "fault"))

KeyOf = Callable[[Any], str | None]
"""The `externalId` of a record that is refused; None when it cannot be told."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the mapping asks for: the names that the items' keys may have, and whether all it looks at are members."""

    key_names: tuple[str, ...]
    flat: bool


class JsonReader:
    """Reads one file once; `blocks()` yields its items.

    A record is the item or, when `itemPath` has more than one `[*]`, a tuple of it and the objects that enclose it.
    """

    def __init__(
        self, source: Source, settings: FormatSettings, report: Report, charset: str | None, asked: Asked
    ) -> None:
        self._report, self._key_names = report, asked.key_names
        self._steps: tuple[Step, ...] | None = None
        if settings.item_path is not None:
            self._steps = json_path(settings.item_path).steps
        stars = [at for at, step in enumerate(self._steps or ()) if step is STAR]
        self._walk = (self._steps or ())[: stars[0]] if stars else self._steps or ()
        self._inner = (self._steps or ())[stars[0] + 1 :] if stars else ()
        self._window = Window(utf8_of(blocks_of(source), Decoder(settings.encoding, charset, source.ahead), report))
        self._reader = ElementReader(self._window, alike=asked.flat and not self._inner)
        self._row = self._leaves = 0
        self._found = False
        """Whether the document being read has the items' place; `Report.entries` tells whether any had."""
        self._arrays: list[str] = []
        self.key_of: KeyOf = lambda _: None

    def blocks(self) -> Iterator[Block]:
        """Yield the items, a stretch of the document at a time."""
        window = self._window
        if not window.fill():
            return
        refuse_other_format(window.data[:4000].decode("utf-8", "replace"), "JSON")
        try:
            yield from self._lines() if self._is_lines() else self._documents()
        except BrokenError as error:
            self._report.entries = self._row if self._row or self._found else self._report.entries
            self._report.break_off(f"not well-formed JSON after item {self._row}: {error}")

    def _documents(self) -> Iterator[Block]:
        """Read one document behind the other; all of them must have items where the first has."""
        number = 0
        while self._window.more():
            number += 1
            self._found = False
            whole = self._whole_item()
            if whole is not None:
                yield whole
            else:
                yield from self._value(self._window.token(), (), "")
            if self._found:
                self._report.entries = self._row
            elif self._report.entries is None:
                self._report.hint = f"nothing is at {self._wanted()}{self._there()}"
            if not self._found and number > 1:
                self._report.break_off(f"nothing is at {self._wanted()} in document {number} of the file")

    def _wanted(self) -> str:
        return "the itemPath" if self._steps is not None else f"the top, nor in {' or '.join(DEFAULT_NAMES)}"

    def _there(self) -> str:
        names = [f"{name or '$'}[*]" for name in self._arrays] + list(self._report.page_fields)
        return f"; found {', '.join(names[:20])}" if names else ""

    def _value(self, token: bytes, path: tuple[Step, ...], name: str) -> Iterator[Block]:
        """Read a value whose first token was read; `path` leads to it, `name` writes that as a person would."""
        if len(path) > MAX_DEPTH:
            raise FormatError(f"nested deeper than {MAX_DEPTH} levels outside the items")
        if self._found and self._leads_to_items(token, path):
            self._report.break_off(f"the items stand in more than one place of the document; {name} is the last")
        if self._is_items(token, path):
            self._found = True
            if token == b"{" and self._walk == self._steps:
                yield self._block(self._one())
            else:
                for elements in self._reader.elements(b"]" if token == b"[" else b"}"):
                    if token == b"{":
                        self._look_for_error(elements)
                    yield self._block(elements)
        elif token == b"{":
            yield from self._object(path, name)
        elif token == b"[":
            yield from self._other_array(path, name)
        elif token in (b"}", b"]", b",", b":", b""):
            raise BrokenError("the file ends too early" if token == b"" else f"unexpected {token.decode()}")
        else:
            self._note(name, token)

    def _object(self, path: tuple[Step, ...], name: str) -> Iterator[Block]:
        while not self._window.next_is(b"}"):
            key = self._loaded(self._window.token())
            if not isinstance(key, str) or self._window.token() != b":":
                raise BrokenError("expected a name and a colon")
            yield from self._value(self._window.token(), (*path, key), f"{name}.{key}" if name else key)
            self._between(b"}")
        self._window.token()

    def _look_for_error(self, members: Elements) -> None:
        """Doubt an object whose members are items if one of them is called as APIs call an error."""
        for each in members.values:
            if each.__class__ is dict and str(each[KEY]).lower() in _ERRORS:
                self._report.break_off(f"the object of the items has a member {each[KEY]!r}: it tells of an error")

    def _other_array(self, path: tuple[Step, ...], name: str) -> Iterator[Block]:
        self._arrays.append(name)
        del self._arrays[MAX_PAGE_FIELDS:]
        at = 0
        while not self._window.next_is(b"]"):
            yield from self._value(self._window.token(), (*path, at), f"{name}[{at}]")
            at += 1
            self._between(b"]")
        self._window.token()

    def _between(self, end: bytes) -> None:
        if not self._window.next_is(end) and self._window.token() != b",":
            raise BrokenError(
                f"expected a comma or {end.decode()}" if self._window.length else "the file ends too early"
            )

    def _is_items(self, token: bytes, path: tuple[Step, ...]) -> bool:
        if self._steps is None:
            return token == b"[" and (path == () or (len(path) == 1 and path[0] in DEFAULT_NAMES and not self._found))
        return path == self._walk and token in (b"[", b"{")

    def _leads_to_items(self, token: bytes, path: tuple[Step, ...]) -> bool:
        """Return whether a value stands where items may be, besides those that were found in this document."""
        if self._steps is None:
            return token == b"[" and len(path) == 1 and path[0] in DEFAULT_NAMES
        return bool(path) and path == self._walk[: len(path)]

    def _note(self, name: str, token: bytes) -> None:
        value = self._loaded(token)
        fields = self._report.page_fields
        if len(token) <= MAX_PAGE_VALUE and len(fields) < MAX_PAGE_FIELDS:
            fields[name or "$"] = value

    def _loaded(self, token: bytes) -> Any:
        try:
            return loads(token)
        except ValueError:
            raise BrokenError(f"unexpected {token[:20].decode('utf-8', 'replace')!r}") from None

    def _one(self) -> Elements:
        """Return the one item that the path leads to, whose opening brace was just read."""
        window = self._window
        window.position -= 1
        while (end := window.value_end()) is None:
            if window.length > MAX_RECORD_BYTES:
                raise FormatError(f"the item is larger than {MAX_RECORD_BYTES >> 20} MiB")
            if not window.double():
                raise BrokenError("the file ends inside the item")
        elements = self._reader.one_by_one([(window.position, end)])
        window.position = end
        return elements

    def _whole_item(self) -> Block | None:
        """Return the document that comes next if it is an item itself: an object with a key, and without an array of
        items; only where no `itemPath` says what is.
        """
        window = self._window
        if self._steps is not None or not window.next_is(b"{"):
            return None
        names = window.member_names(stop=DEFAULT_NAMES)
        if names is None or not set(names) & set(self._key_names):
            return None
        self._found = True
        window.token()
        return self._block(self._one())

    def _is_lines(self) -> bool:
        """Return whether this is a document a line (JSON Lines): the first line is an object, the next begins one."""
        if self._steps:
            return False
        line, _, rest = self._window.data.lstrip().partition(b"\n")
        try:
            first = loads(line) if line[:1] == b"{" and rest.lstrip()[:1] == b"{" else None
        except ValueError:
            return False
        return first is not None and not any(isinstance(first.get(name), list) for name in DEFAULT_NAMES)

    def _lines(self) -> Iterator[Block]:
        window = self._window
        while True:
            cut = window.data.rfind(b"\n", window.position) + 1
            if cut <= window.position and window.length <= MAX_RECORD_BYTES and window.fill():
                continue
            if cut <= window.position:
                if not window.at_end:
                    raise BrokenError(f"a line is larger than {MAX_RECORD_BYTES >> 20} MiB")
                cut = len(window.data)
            places = [
                found.span() for found in _LINE.finditer(window.data, window.position, cut) if found[0].strip(PADDING)
            ]
            if places:
                elements = self._reader.apart(places)
                yield self._block(elements)
                if window.at_end and isinstance(list(elements.values)[-1], Faulty):
                    self._report.break_off(f"item {self._row}, the last, is not valid JSON")
            window.position = cut
            if (window.at_end or not window.fill()) and window.length == 0:
                self._report.entries = self._row
                return

    def _block(self, elements: Elements) -> Block:
        """Return the block of these elements, or of those inside them if the path goes on; rejects of other things."""
        data, values = self._window.data, elements.values
        begin, end = elements.begin, elements.end
        # One byte is found ten times as fast as six.
        escaped = data.find(b"\\", begin, end)
        suspect = (escaped >= 0 and data.find(_NUL, escaped, end) >= 0) or (
            self._window.suspect and data.find(_REPLACEMENT, begin, end) >= 0
        )
        first = self._row + 1
        self._row += len(values)
        if isinstance(values, Alike) or (not self._inner and set(map(type, values)) == {dict}):
            return Block(list(range(first, self._row + 1)), values, [], suspect)
        block = Block([], [], [], suspect)
        for row, value in enumerate(values, first):
            if value.__class__ is Faulty:
                self._refuse(block, row if not self._inner else self._next_leaf(), value)
            elif not self._inner:
                self._add(block, row, value, value)
            else:
                for leaf in expanded(value, self._inner, ()):
                    self._add(block, self._next_leaf(), leaf[0], leaf)
        return block

    def _next_leaf(self) -> int:
        self._leaves += 1
        return self._leaves

    def _add(self, block: Block, row: int, item: Any, record: Any) -> None:
        if item.__class__ is dict:
            block.rows.append(row)
            block.records.append(record)
        else:
            block.rejects.append(FileReject(row, None, None, None, "item.type", "expected an object", shown(item)))

    def _refuse(self, block: Block, row: int, faulty: Faulty) -> None:
        if faulty.written == TOO_LARGE:
            message = f"the item is larger than {MAX_RECORD_BYTES >> 20} MiB"
            block.rejects.append(FileReject(row, None, None, None, "too_large", message))
            return
        repeated = isinstance(faulty.error, RepeatedNameError)
        code, message = ("repeated", str(faulty.error)) if repeated else ("syntax", f"not valid JSON: {faulty.error}")
        value = shown(faulty.written.decode("utf-8", "replace").strip())
        key = None if self._inner else self._key_in(faulty.written)
        block.rejects.append(FileReject(row, key, None, None, code, message, value))

    def _key_in(self, written: bytes) -> str | None:
        """Return the key of an item that cannot be decoded; None when it is not there just once."""
        found = [(name.decode("utf-8", "replace"), value) for name, value in _PAIR.findall(written)]
        if KEY in self._key_names and (member := _MEMBER.match(written)) is not None:
            found.append((KEY, member[1]))
        keys = [(name, value) for name, value in found if name in self._key_names]
        if len(keys) != 1:
            return None
        try:
            return self.key_of({keys[0][0]: loads(keys[0][1])})
        except ValueError:
            return None
