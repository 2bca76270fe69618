"""JSON to records: walk to the array of items, take whole stretches of it at a time, walk on for the page's fields.

A stretch is cut where one item seems to end and the next to begin, and handed to orjson as an array of its own. That
the cut was right is proved by its being valid: a cut inside a string or a nested array leaves something open. When it
was not, items are found by counting brackets. So memory is bounded by a record; a broken item costs itself alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson

from ingest.feeds.jsonpaths import STAR, Step, json_path
from ingest.feeds.mapping import FormatSettings
from ingest.pull.parse.encoding import Decoder, utf8_of
from ingest.pull.parse.formats import refuse_other_format
from ingest.pull.parse.json.scan import BrokenError, Span, Window
from ingest.pull.parse.json.values import expanded
from ingest.pull.parse.source import Source
from ingest.pull.records import MAX_RECORD_BYTES, Block, FileReject, FormatError, Report, blocks_of
from schemas.items import shown

DEFAULT_NAMES = ("inventory", "items")
"""Where a document that is an object has its items when the feed has no `itemPath`."""
MAX_PAGE_FIELDS, MAX_PAGE_VALUE, MAX_DEPTH = 500, 4096, 64
_WIDE_ENOUGH = 1 << 16
MAX_MISSES = 8
"""Cuts that turn out wrong before a document's items are found by counting brackets alone."""
_ITEM_BEGINS = re.compile(rb'\s*(\{)\s*"[^"\\]{0,80}"\s*:')
_BROKEN: Any = object()
_NUL = b"\\u0000"
_REPLACEMENT = "\ufffd".encode()


class JsonReader:
    """Reads one document once; `blocks()` yields its items.

    A record is the item or, when `itemPath` has more than one `[*]`, a tuple of it and the objects that enclose it.
    """

    def __init__(self, source: Source, settings: FormatSettings, report: Report, charset: str | None) -> None:
        self._report = report
        self._steps: tuple[Step, ...] | None = None
        if settings.item_path is not None:
            self._steps = json_path(settings.item_path).steps
        stars = [at for at, step in enumerate(self._steps or ()) if step is STAR]
        self._walk = (self._steps or ())[: stars[0]] if stars else self._steps or ()
        self._inner = (self._steps or ())[stars[0] + 1 :] if stars else ()
        self._window = Window(utf8_of(blocks_of(source), Decoder(settings.encoding, charset, source.ahead), report))
        self._row = 0
        self._separator: bytes | None = None
        self._gap = 0
        self._misses = 0
        self._slice = (0, 0)
        self._leaves = 0
        self._found = False

    def blocks(self) -> Iterator[Block]:
        """Yield the items, a stretch of the document at a time."""
        window = self._window
        if not window.fill():
            return
        refuse_other_format(window.data[:500].decode("utf-8", "replace"), "JSON")
        try:
            if self._is_lines():
                yield from self._lines()
                return
            yield from self._value(window.token(), (), "")
        except BrokenError as error:
            self._report.break_off(f"not well-formed JSON after item {self._row}: {error}")
        if not self._found and self._report.complete:
            fields = ", ".join(list(self._report.page_fields)[:20])
            wanted = self._wanted()
            self._report.hint = f"nothing is at {wanted}" + (f"; found {fields}" if fields else "")

    def _wanted(self) -> str:
        return "the itemPath" if self._steps is not None else f"the top, nor in {' or '.join(DEFAULT_NAMES)}"

    def _value(self, token: bytes, path: tuple[Step, ...], name: str) -> Iterator[Block]:
        """Read a value whose first token was read; `path` leads here while it is on the way to the items, else None."""
        if len(path) > MAX_DEPTH:
            raise FormatError(f"nested deeper than {MAX_DEPTH} levels outside the items")
        if self._is_items(token, path):
            self._found = True
            yield from self._array() if token == b"[" else self._one()
        elif token == b"{":
            yield from self._object(path, name)
        elif token == b"[":
            at = 0
            while not self._window.next_is(b"]"):
                yield from self._value(self._window.token(), (*path, at), f"{name}[{at}]")
                at += 1
                self._between(b"]")
            self._window.token()
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

    def _between(self, end: bytes) -> None:
        if not self._window.next_is(end) and self._window.token() != b",":
            raise BrokenError(
                f"expected a comma or {end.decode()}" if self._window.length else "the file ends too early"
            )

    def _is_items(self, token: bytes, path: tuple[Step, ...]) -> bool:
        if self._steps is None:
            return token == b"[" and (path == () or (len(path) == 1 and path[0] in DEFAULT_NAMES and not self._found))
        return path == self._walk and (token == b"[" or (token == b"{" and self._walk == self._steps))

    def _note(self, name: str, token: bytes) -> None:
        fields = self._report.page_fields
        if len(token) <= MAX_PAGE_VALUE and len(fields) < MAX_PAGE_FIELDS:
            fields[name or "$"] = self._loaded(token)

    def _loaded(self, token: bytes) -> Any:
        try:
            return orjson.loads(token)
        except ValueError:
            raise BrokenError(f"unexpected {token[:20].decode('utf-8', 'replace')!r}") from None

    def _array(self) -> Iterator[Block]:
        """Yield the items of the array that was just entered, up to and with its closing bracket."""
        window = self._window
        while not window.next_is(b"]"):
            records = self._stretch()
            if records is not None:
                yield self._block(records, [])
                continue
            span = window.span()
            if not span.values and not span.ended:
                if window.length > MAX_RECORD_BYTES:
                    yield self._skip_too_large()
                elif not window.double():
                    raise BrokenError("the file ends inside the items")
                continue
            if span.values:
                self._learn_separator(span)
                yield self._spanned(span)
            window.position = span.after
            if span.ended:
                return
        if window.token() != b"]":
            raise BrokenError("the file ends inside the items")

    def _stretch(self) -> list[Any] | None:
        """Return the items up to the last place in the window that looks like the end of one; None if it is not."""
        window = self._window
        if self._separator is None or self._misses >= MAX_MISSES:
            return None
        while window.length < _WIDE_ENOUGH and window.fill():
            pass
        cut = window.data.rfind(self._separator, window.position)
        if cut < 0:
            return None
        try:
            records = orjson.loads(b"[%b]" % window.data[window.position : cut + 1])
        except ValueError:
            self._misses += 1
            return None
        self._slice = (window.position, cut + 1)
        window.position = cut + self._gap
        return list(records)

    def _learn_separator(self, span: Span) -> None:
        """Remember how one item ends and the next begins, with its first name: `},{"id":`, whatever the indentation."""
        if len(span.values) < 2:  # noqa: PLR2004
            return
        data = self._window.data
        (first, first_end), (second, second_end) = span.values[:2]
        brace = first + len(data[first:first_end].rstrip()) - 1
        begins = _ITEM_BEGINS.match(data, second, second_end)
        if data[brace : brace + 1] == b"}" and begins is not None:
            self._separator = data[brace : begins.end()]
            self._gap = begins.start(1) - brace

    def _spanned(self, span: Span) -> Block:
        data = self._window.data
        self._slice = (span.values[0][0], span.values[-1][1])
        try:
            records = orjson.loads(b"[%b]" % data[self._slice[0] : self._slice[1]])
            if len(records) == len(span.values):
                return self._block(records, [])
        except ValueError:
            pass
        return self._one_by_one([data[start:end] for start, end in span.values])

    def _one_by_one(self, written: list[bytes]) -> Block:
        records: list[Any] = []
        rejects = []
        for position, value in enumerate(written):
            try:
                records.append(orjson.loads(value))
            except ValueError as error:
                records.append(_BROKEN)
                shows = shown(value.decode("utf-8", "replace").strip())
                rejects.append(self._reject(position, "syntax", f"not valid JSON: {error}", shows))
        return self._block(records, rejects)

    def _skip_too_large(self) -> Block:
        """Pass over the rest of an item that is too large; what comes after it is read as usual."""
        window = self._window
        if not window.skip_value():
            raise BrokenError("the file ends inside an item that is too large")
        if window.next_is(b","):
            window.token()
        reject = self._reject(0, "too_large", f"the item is larger than {MAX_RECORD_BYTES >> 20} MiB", None)
        self._row += 1
        return Block([], [], [reject])

    def _one(self) -> Iterator[Block]:
        """Yield the one item that the path leads to, whose opening brace was just read."""
        window = self._window
        window.position -= 1
        while (end := window.value_end()) is None:
            if window.length > MAX_RECORD_BYTES:
                raise FormatError(f"the item is larger than {MAX_RECORD_BYTES >> 20} MiB")
            if not window.double():
                raise BrokenError("the file ends inside the item")
        span = Span([(window.position, end)], end, ended=True)
        yield self._spanned(span)
        window.position = end

    def _is_lines(self) -> bool:
        """Return whether this is a document a line (JSON Lines): the first line is an object, the next begins one."""
        if self._steps:
            return False
        line, _, rest = self._window.data.lstrip().partition(b"\n")
        try:
            return bool(line[:1] == b"{" and rest.lstrip()[:1] == b"{" and orjson.loads(line))
        except ValueError:
            return False

    def _lines(self) -> Iterator[Block]:
        window = self._window
        self._found = True
        while True:
            cut = window.data.rfind(b"\n", window.position) + 1
            if cut <= window.position and window.length <= MAX_RECORD_BYTES and window.fill():
                continue
            if cut <= window.position:
                if not window.at_end:
                    raise BrokenError(f"a line is larger than {MAX_RECORD_BYTES >> 20} MiB")
                cut = len(window.data)
            lines = [line for line in window.data[window.position : cut].split(b"\n") if line.strip()]
            self._slice = (window.position, cut)
            if lines:
                block = self._one_by_one(lines)
                if window.at_end and block.rejects and block.rejects[-1].row == self._row:
                    self._report.break_off(f"item {self._row}, the last, is not valid JSON")
                yield block
            window.position = cut
            if (window.at_end or not window.fill()) and window.length == 0:
                return

    def _block(self, records: list[Any], rejects: list[FileReject]) -> Block:
        """Return the block of these records, those inside them if the path goes on, and the rejects of what is none."""
        data = self._window.data
        start, end = self._slice
        suspect = data.find(_NUL, start, end) >= 0 or (
            self._window.suspect and data.find(_REPLACEMENT, start, end) >= 0
        )
        first = self._row + 1
        self._row += len(records)
        if not rejects and not self._inner and set(map(type, records)) == {dict}:
            return Block(list(range(first, self._row + 1)), records, [], suspect)
        block = Block([], [], rejects, suspect)
        for row, record in enumerate(records, first):
            if record is _BROKEN:
                continue
            if not self._inner:
                self._add(block, row, record, record)
                continue
            for leaf in expanded(record, self._inner, ()):
                self._leaves += 1
                self._add(block, self._leaves, leaf[0], leaf)
        return block

    def _add(self, block: Block, row: int, item: Any, record: Any) -> None:
        if item.__class__ is dict:
            block.rows.append(row)
            block.records.append(record)
        else:
            block.rejects.append(FileReject(row, None, None, None, "item.type", "expected an object", shown(item)))

    def _reject(self, position: int, code: str, message: str, value: Any) -> FileReject:
        return FileReject(self._row + 1 + position, None, None, None, code, message, value)
