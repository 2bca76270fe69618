"""An XML file to the elements of its items, with rejects for those that cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ingest.pull.parse.xml.document import written_name
from ingest.pull.parse.xml.references import MARK, fault
from ingest.pull.parse.xml.stream import Ended, XmlStream
from ingest.pull.records import MAX_FIELDS_NOTED, Block, FileReject, Report

_MOST_NAMED = 30

KeyOf = Callable[[Any], str | None]
"""The `externalId` of a record that is refused; None when it cannot be told."""


class XmlReader:
    """Reads one file once; `blocks()` yields its items' elements, or pairs of one and what surrounds it."""

    def __init__(self, stream: XmlStream, item_path: str, report: Report, *, pairs: bool) -> None:
        self._stream, self._item_path, self._report, self._pairs = stream, item_path, report, pairs
        self._row = 0
        self.key_of: KeyOf = lambda _: None

    def blocks(self) -> Iterator[Block]:
        """Yield the items of each block of the file; those that are too large or broken are rejects."""
        for ended in self._stream.items():
            if self._row == 0:
                self._report.columns = _names(ended.elements[0])
            block = self._block(ended)
            yield block
            if block.records is not ended.elements:
                block.records.clear()
        if self._row == 0 and self._stream.root is not None:
            self._report.hint = f"no element is {self._item_path}: found {', '.join(_ways(self._stream.root))}"

    def _block(self, ended: Ended) -> Block:
        first = self._row + 1
        self._row += len(ended.elements)
        rows = list(range(first, self._row + 1))
        records = list(zip(ended.elements, ended.around, strict=True)) if self._pairs else ended.elements
        if ended.too_large is None and not ended.suspect:
            return Block(rows, records)
        block = Block([], [], suspect=ended.suspect)
        for row, record, element in zip(rows, records, ended.elements, strict=True):
            reject = self._reject(row, record, element, ended)
            if reject is None:
                block.rows.append(row)
                block.records.append(record)
            else:
                block.rejects.append(reject)
        return block

    def _reject(self, row: int, record: Any, element: Any, ended: Ended) -> FileReject | None:
        if element is ended.too_large:
            key = self.key_of((ended.head, record[1]) if self._pairs else ended.head)
            return FileReject(row, key, None, None, "too_large", "the item is larger than 4 MiB")
        for each in element.iter() if ended.suspect else ():
            texts = [*each.attrib.values(), each.text or "", each.tail or "" if each is not element else ""]
            marks = [mark for text in texts for mark in MARK.finditer(text)]
            self._stream.marks_found += len(marks)
            if marks:
                self._stream.marks_found += _marks_behind(element, each)
                column = None if each is element else written_name(each)
                message = f"not well-formed XML: {fault(marks[0][1], marks[0][2])}"
                return FileReject(row, self.key_of(record), None, column, "syntax", message)
        return None


def _marks_behind(element: Any, last: Any) -> int:
    """Count the marks of an item behind one of its elements."""
    found, behind = 0, False
    for each in element.iter():
        if behind:
            texts = [*each.attrib.values(), each.text or "", each.tail or ""]
            found += sum(1 for text in texts for _ in MARK.finditer(text))
        behind |= each is last
    return found


def _names(element: Any) -> list[str]:
    names = [f"@{name}" for name in element.attrib] + [written_name(child) for child in element]
    return list(dict.fromkeys(names))[:MAX_FIELDS_NOTED]


def _ways(root: Any) -> list[str]:
    """Return the ways to the elements that are still there of a file without items, the most of them repeated."""
    counts: dict[str, int] = {}
    stack = [(root, f"/{written_name(root)}")]
    while stack:
        element, way = stack.pop()
        counts[way] = counts.get(way, 0) + 1
        if len(counts) < _MOST_NAMED:
            stack += [(child, f"{way}/{written_name(child)}") for child in reversed(element[:_MOST_NAMED])]
    return [f"{way} ({count} times)" if count > 1 else way for way, count in counts.items()]
