"""From elements of a JSON document to blocks of records and rejects."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ingest.feeds.jsonpaths import Step
from ingest.pull.parse.json.decode import Alike, RepeatedNameError, loads
from ingest.pull.parse.json.elements import Elements, Faulty, TooLarge
from ingest.pull.parse.json.scan import Window
from ingest.pull.parse.json.values import KEY, expanded
from ingest.pull.records import MAX_RECORD_BYTES, Block, FileReject
from schemas.outcomes import shown

_MEMBER = re.compile(rb'\s*("[^"\\]{1,255}")\s*:')
_PAIR = re.compile(rb'"([^"\\]{1,100})"\s{0,20}:\s{0,20}("[^"\\]{0,255}"|-?\d{1,255})')
_NUL = b"\\u0000"
_REPLACEMENT = "\ufffd".encode()

KeyOf = Callable[[Any], str | None]
"""The `externalId` of a record that is refused; None when it cannot be told."""


class Blocks:
    """Makes blocks of a file's elements, in order; `row` numbers the last of them.

    `inner` is the path's part behind the elements, `key_names` the names that the items' keys may have.
    """

    def __init__(self, window: Window, inner: tuple[Step, ...], key_names: tuple[str, ...]) -> None:
        self._window, self._inner, self._key_names = window, inner, key_names
        self.row = self._leaves = 0
        self.key_of: KeyOf = lambda _: None

    def of(self, elements: Elements) -> Block:
        """Return the block of these elements, or of those inside them if the path goes on; rejects of other things."""
        data, values = self._window.data, elements.values
        begin, end = elements.begin, elements.end
        # One byte is found ten times as fast as six.
        escaped = data.find(b"\\", begin, end)
        suspect = (escaped >= 0 and data.find(_NUL, escaped, end) >= 0) or (
            self._window.suspect and data.find(_REPLACEMENT, begin, end) >= 0
        )
        first = self.row + 1
        self.row += len(values)
        if isinstance(values, Alike) or (not self._inner and set(map(type, values)) == {dict}):
            return Block(list(range(first, self.row + 1)), values, [], suspect)
        block = Block([], [], [], suspect)
        for row, value in enumerate(values, first):
            if value.__class__ is Faulty:
                self._refuse(block, row if not self._inner else self._next_leaf(), value)
            elif value.__class__ is TooLarge:
                self._pass_over(block, row if not self._inner else self._next_leaf(), value)
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

    def _pass_over(self, block: Block, row: int, large: TooLarge) -> None:
        names = [] if self._inner else [name for name in self._key_names if name in large.head]
        key = self.key_of({names[0]: large.head[names[0]]}) if len(names) == 1 else None
        message = f"the item is larger than {MAX_RECORD_BYTES >> 20} MiB"
        block.rejects.append(FileReject(row, key, None, None, "too_large", message))

    def _refuse(self, block: Block, row: int, faulty: Faulty) -> None:
        repeated = isinstance(faulty.error, RepeatedNameError)
        code, message = ("repeated", str(faulty.error)) if repeated else ("syntax", f"not valid JSON: {faulty.error}")
        if not faulty.written.strip():
            message = "not valid JSON: nothing stands between two commas"
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
