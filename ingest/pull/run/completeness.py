"""What the bytes of a CSV file say of its being whole: whether its last line has an end."""

from __future__ import annotations

from pathlib import Path

from ingest.pull.disk import on_disk

_TAIL_BYTES = 64
_PACKED = (b"\x1f\x8b", b"BZh", b"PK")
"""Compressed files prove by themselves that they are whole."""
_IGNORED = b"\x1a\0 \t"
"""May stand behind the last line: Ctrl-Z (DOS), the other half of UTF-16, white space."""


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
