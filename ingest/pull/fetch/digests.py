"""Checksums that a server sends along with a file, against the bytes that came.

| header                        | of                                                                       |
|-------------------------------|--------------------------------------------------------------------------|
| `Repr-Digest` (RFC 9530)      | the representation: the bytes as they come, a content coding not undone   |
| `Content-Digest` (RFC 9530)   | the content, which of a whole answer is the same                          |
| `Digest` (RFC 3230)           | the same; programs differ over content codings                            |
| `Content-MD5` (RFC 1864)      | likewise                                                                  |

What is not well-formed, or of an algorithm that nobody uses, says nothing. Under a content coding the older two are not
compared: some programs sum up the bytes before it, and gzip has a checksum of its own.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

_SIZES = {"sha-256": 32, "sha-512": 64, "md5": 16}
_HASHES = {"sha-256": "sha256", "sha-512": "sha512", "md5": "md5"}
_MEMBER = re.compile(r"\s*([A-Za-z0-9-]{1,20})=(:?)([A-Za-z0-9+/]{1,200}={0,2})(:?)\s*")
_LONGEST = 4_096


def told(headers: Mapping[str, str], *, is_coded: bool) -> Iterator[tuple[str, str, bytes]]:
    """Yield (header, algorithm, checksum) of the headers of an answer; `is_coded`: it has a content coding."""
    names = ("Repr-Digest", "Content-Digest", *(() if is_coded else ("Digest",)))
    for name in names:
        for member in headers.get(name, "")[:_LONGEST].split(","):
            found = _MEMBER.fullmatch(member)
            is_field = name != "Digest"  # a structured field has its bytes between colons
            if found is not None and (bool(found[2]), bool(found[4])) == (is_field, is_field):
                yield from _checked(name, found[1].lower(), found[3])
    if not is_coded:
        yield from _checked("Content-MD5", "md5", headers.get("Content-MD5", "").strip())


def differing(headers: Mapping[str, str], path: Path, sha256: str, *, is_coded: bool) -> str | None:
    """Return the header whose checksum is not that of a file; None for none. Reads the file where its SHA-256, in hex,
    is not enough: blocks.
    """
    known = {"sha-256": bytes.fromhex(sha256)}
    for name, algorithm, checksum in told(headers, is_coded=is_coded):
        if algorithm not in known:
            with path.open("rb") as file:
                known[algorithm] = hashlib.file_digest(file, _HASHES[algorithm]).digest()
        if known[algorithm] != checksum:
            return name
    return None


def _checked(name: str, algorithm: str, text: str) -> Iterator[tuple[str, str, bytes]]:
    try:
        checksum = base64.b64decode(text, validate=True)
    except binascii.Error:
        return
    if len(checksum) == _SIZES.get(algorithm):
        yield name, algorithm, checksum
