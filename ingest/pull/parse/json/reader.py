"""JSON to records: walk to the items, take whole stretches of them at a time, walk on for the page's fields.

A file may hold several documents, one behind the other: each is walked through.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ingest.feeds.jsonpaths import STAR, Step, json_path
from ingest.feeds.mapping import FormatSettings
from ingest.pull.parse.encoding import Decoder, utf8_of
from ingest.pull.parse.formats import refuse_other_format
from ingest.pull.parse.json.blocks import Blocks, KeyOf
from ingest.pull.parse.json.decode import Alike, loads
from ingest.pull.parse.json.elements import ElementReader, Elements, Faulty
from ingest.pull.parse.json.scan import PADDING, BrokenError, Window
from ingest.pull.parse.json.values import KEY
from ingest.pull.parse.source import Source
from ingest.pull.records import MAX_RECORD_BYTES, Block, FormatError, Report, blocks_of
from ingest.pull.trouble import ERRORS, error_among, leaves

DEFAULT_NAMES = ("inventory", "items")
"""Where a document that is an object has its items when the feed has no `itemPath`."""
MAX_PAGE_FIELDS, MAX_PAGE_VALUE, MAX_DEPTH = 500, 4096, 64
_LINE = re.compile(rb"[^\n]+")


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
        inner = (self._steps or ())[stars[0] + 1 :] if stars else ()
        self._window = Window(utf8_of(blocks_of(source), Decoder(settings.encoding, charset, source.ahead), report))
        self._reader = ElementReader(self._window, alike=asked.flat and not inner)
        self._blocks = Blocks(self._window, inner, asked.key_names)
        self._found = False
        """Whether the document being read has the items' place; `Report.entries` tells whether any had."""
        self._arrays: list[str] = []

    def tell_keys(self, key_of: KeyOf) -> None:
        """Take what tells the key of a record that is refused."""
        self._blocks.key_of = key_of

    def blocks(self) -> Iterator[Block]:
        """Yield the items, a stretch of the document at a time."""
        window = self._window
        if not window.fill():
            return
        refuse_other_format(window.data[:4000].decode("utf-8", "replace"), "JSON")
        try:
            yield from self._lines() if self._is_lines() else self._documents()
        except BrokenError as error:
            self._report.entries = self._blocks.row if self._blocks.row or self._found else self._report.entries
            self._report.break_off(f"not well-formed JSON after item {self._blocks.row}: {error}")

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
                self._report.entries = self._blocks.row
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
                yield self._blocks.of(self._one())
            else:
                for elements in self._reader.elements(b"]" if token == b"[" else b"}"):
                    if token == b"{":
                        self._look_for_error(elements)
                    yield self._blocks.of(elements)
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
            if each.__class__ is dict and str(each[KEY]).lower() in ERRORS:
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

    def _doubt_last(self, line: Any) -> None:
        """Doubt a file whose last line is no item and tells of an error."""
        if line.__class__ is dict and not set(self._key_names) & line.keys():
            error = error_among(leaves(line))
            if error is not None:
                self._report.break_off(f"the last line has a field {error} and no key: it tells of an error")

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
        return self._blocks.of(self._one())

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
        window, last = self._window, None
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
                yield self._blocks.of(elements)
                last = None if isinstance(elements.values, Alike) else elements.values[-1]
                if window.at_end and isinstance(last, Faulty):
                    self._report.break_off(f"item {self._blocks.row}, the last, is not valid JSON")
            window.position = cut
            if (window.at_end or not window.fill()) and window.length == 0:
                self._doubt_last(last)
                self._report.entries = self._blocks.row
                return
