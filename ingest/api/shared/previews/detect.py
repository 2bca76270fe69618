"""What a file is, from its beginning: its packing, kind, decimal sign, and where its items are. Each finding says why.

Foreign bytes: at most `HEAD_BYTES` are looked at, by parsers that resolve nothing and load nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from lxml import etree

HEAD_BYTES = 1 << 20
_MAX_DEPTH, _MAX_PATHS = 8, 2_000
_COMMA = re.compile(r"-?\d{1,3}(?:[. ]\d{3})*,\d{1,2}|-?\d+,\d{1,2}", re.ASCII)
_POINT = re.compile(r"-?\d{1,3}(?:,\d{3})*\.\d{1,2}|-?\d+\.\d{1,2}", re.ASCII)
_PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"PK\x03\x04": "zip"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One setting that was detected, with its reason."""

    setting: str
    value: Any
    why: str


def kind(head: bytes, declared: str | None = None) -> Finding:
    """Return the `resourceType` of a file by its first character; `declared` is the Content-Type."""
    text = _text(head).lstrip("\ufeff \t\r\n\0")
    said = f"; the server calls it {declared}" if declared else ""
    if text.startswith("<"):
        return Finding("resourceType", "xml", f"it begins with {text[:24].split()[0][:24]!r}{said}")
    if text.startswith(("{", "[")):
        return Finding("resourceType", "api", f"it begins with {text[0]!r}, as JSON does{said}")
    return Finding(
        "resourceType", "ftpCsv", f"its first line is text: {text.splitlines()[0][:40] if text else ''!r}{said}"
    )


def compression(packed: bytes) -> Finding | None:
    """Return how a file is packed, by its first bytes as they were fetched; None: it is not."""
    for mark, name in _PACKED.items():
        if packed.startswith(mark):
            return Finding("compression", name, f"its first bytes are those of {name}; it is unpacked by itself")
    return None


def is_html(head: bytes) -> bool:
    """Return whether the bytes are a web page."""
    return bool(re.match(r"(?:<!--.{0,200}?-->|\s)*<(?:!doctype html|html)\b", _text(head[:2_000]).lower(), re.DOTALL))


def item_path(resource_type: str, head: bytes, *, whole: bool) -> list[Finding]:
    """Return where the items are, and the namespaces that the path needs; `whole`: `head` is all of the file."""
    if resource_type == "xml":
        return _xml_items(head)
    if resource_type == "api" and whole:
        return _json_items(head)
    return []


def decimal_sign(columns: Mapping[str, Iterable[Any]]) -> Finding:
    """Return the decimal sign of numbers in text, from sample values by column."""
    commas, points, example = 0, 0, ("", "")
    for name, samples in columns.items():
        for sample in samples:
            text = str(sample).strip()
            if _COMMA.fullmatch(text):
                commas, example = commas + 1, (name, text)
            elif _POINT.fullmatch(text):
                points += 1
    if commas > points:
        return Finding("decimalNotation", "comma", f"values such as {example[1]} in {example[0]}")
    return Finding("decimalNotation", "decimal", "no value has a decimal comma" if not commas else "most have a point")


def _text(head: bytes) -> str:
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if head.startswith(mark):
            return head[2:].decode(encoding, "replace")
    return head.decode("utf-8", "replace")


def _xml_items(head: bytes) -> list[Finding]:
    """Return the path that repeats, has parts of its own, and lies closest to the root."""
    counts: Counter[tuple[str, ...]] = Counter()
    parts: set[tuple[str, ...]] = set()
    namespaces: dict[str, str] = {}
    path: list[str] = []
    parser = etree.XMLPullParser(("start", "end"), resolve_entities=False, no_network=True, load_dtd=False)
    try:
        for start in range(0, len(head), 1 << 16):
            parser.feed(head[start : start + (1 << 16)])
            for event, element in parser.read_events():
                if event == "end":
                    path.pop()
                    element.clear()
                    continue
                path.append(_written(element, namespaces))
                key = tuple(path[:_MAX_DEPTH])
                if len(counts) < _MAX_PATHS or key in counts:
                    counts[key] += 1
                    if element.attrib:
                        parts.add(key)
                    if len(path) > 1:
                        parts.add(tuple(path[:-1][:_MAX_DEPTH]))
    except etree.XMLSyntaxError:
        pass  # what was read until then tells enough; parsing tells the rest
    repeated = [key for key, count in counts.items() if count > 1 and key in parts and len(key) > 1]
    single = [key for key in counts if key in parts and len(key) > 1]
    if not repeated and not single:
        return []
    best = min(repeated or single, key=lambda key: (len(key), -counts[key]))
    found = [Finding("itemPath", f"/{'/'.join(best)}", f"<{best[-1]}> stands {counts[best]:,} times in the beginning")]
    if namespaces:
        found.append(Finding("namespaces", dict(sorted(namespaces.items())), "the file's own prefixes"))
    return found


def _written(element: Any, namespaces: dict[str, str]) -> str:
    name: str = element.tag.rpartition("}")[2]
    for prefix, uri in element.nsmap.items():
        if prefix and len(namespaces) < 20:  # noqa: PLR2004 - as many as a feed takes
            namespaces.setdefault(prefix, uri)
    return f"{element.prefix}:{name}" if element.prefix else name


def _json_items(head: bytes) -> list[Finding]:
    try:
        document = orjson.loads(head)
    except orjson.JSONDecodeError:
        return []
    arrays = list(_arrays(document, "$", _MAX_DEPTH))
    if not arrays:
        return []
    path, length = max(arrays, key=lambda found: (found[1], -found[0].count(".")))
    why = f"the longest list of objects, {length:,} of them, is there"
    return [Finding("itemPath", f"{path}[*]", why)] if path != "$" else [Finding("itemPath", "$[*]", why)]


def _arrays(value: Any, path: str, depth: int) -> Iterable[tuple[str, int]]:
    if isinstance(value, list):
        if value and isinstance(value[0], dict):
            yield path, len(value)
    elif isinstance(value, dict) and depth:
        for name, inner in value.items():
            step = f".{name}" if name.isidentifier() else f"['{name}']"
            if "'" not in name:
                yield from _arrays(inner, path + step, depth - 1)
