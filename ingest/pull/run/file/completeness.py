"""What the bytes of a file say of its being whole: whether a CSV's last line has an end, whether the end is a mark."""

from __future__ import annotations

from pathlib import Path

import orjson

from ingest.pull.run.file.disk import on_disk

_TAIL_BYTES, _LINE_BYTES = 64, 1 << 20
_PACKED = (b"\x1f\x8b", b"BZh", b"PK")
"""Compressed files prove by themselves that they are whole."""
_IGNORED = b"\x1a\0 \t\f"
"""May stand behind the last line: Ctrl-Z (DOS), the other half of UTF-16, white space, the end of a page."""


def has_no_end(path: Path, resource_type: str) -> bool:
    """Return whether a file of this kind could have been longer for all that its bytes tell: CSV, JSON Lines. Blocks.

    XML and one JSON document end with a mark, compressed files with a checksum.
    """
    if resource_type == "xml":
        return False
    with on_disk(), path.open("rb") as file:
        if file.read(3).startswith(_PACKED):
            return False
        file.seek(0)
        first = file.readline(_LINE_BYTES)
        more = bool(file.read(1))
    if resource_type == "ftpCsv":
        return True
    try:
        return more and isinstance(orjson.loads(first), dict)
    except ValueError:
        return False


def final_newline(path: Path) -> bool | None:
    """Return whether a file ends with a newline; None when that says nothing: it is empty or compressed. Blocks, raises
    `DiskTrouble`."""
    with on_disk(), path.open("rb") as file:
        if file.read(3).startswith(_PACKED):
            return None
        size = file.seek(0, 2)
        file.seek(max(size - _TAIL_BYTES, 0))
        tail = file.read().rstrip(_IGNORED)
    return tail.endswith((b"\n", b"\r")) if tail else None
