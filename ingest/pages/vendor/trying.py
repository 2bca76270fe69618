"""A try of a vendor's file, or post: read as the next one would be; nothing is kept or written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
from aiohttp import web

from ingest.http.problems import ProblemError
from ingest.http.sent import validate_sent
from ingest.pages.sessions.roles import Role
from ingest.pages.vendor.rejects import in_vendors_words, refusal
from ingest.pages.vendor.visitors import Visitor
from ingest.pages.visit import Visit
from schemas.items import MAX_ITEMS

MAX_FILE_BYTES = 8 << 20
_SHOWN = 50


async def ask(_: Visit, __: Visitor) -> dict[str, Any]:
    """Show where a file is dropped."""
    return {"title": "Test my file", "tested": None, "text": ""}


async def test(visit: Visit, visitor: Visitor) -> dict[str, Any]:
    """Show the rows of a file, or the items of a post, and what is refused of them."""
    sample = _sample(visit)
    tested = await _read(visit, visitor, sample) if visitor.pulled else _validated(visitor, sample)
    return {"title": "Test my file", "tested": tested, "text": visit.text("text")}


async def _read(visit: Visit, visitor: Visitor, sample: bytes) -> dict[str, Any]:
    trying = replace(visit, session=visitor.session(Role.EDITOR))  # beyond reading, this one alone; it writes nothing
    try:
        preview = await trying.ask("inventory_feeds.preview", {"id": visitor.feed_id}, {"limit": _SHOWN}, sample)
    except ProblemError as problem:
        if problem.status != 422:  # noqa: PLR2004 - the file's fault is an answer
            raise
        return _tested([], [], (0, 0, 0), problem.detail)
    rejects = [refusal(one, one.row) for one in preview.rejects[:_SHOWN]]
    counts = preview.rows_read, preview.rows_mapped, preview.rows_rejected
    error = preview.error or (None if preview.complete else preview.reason)
    return _tested(
        [(one.row, one.item) for one in preview.items], rejects, counts, in_vendors_words(error) if error else None
    )


def _validated(visitor: Visitor, sample: bytes) -> dict[str, Any]:
    try:
        sent = orjson.loads(sample)
    except ValueError as error:
        return _tested([], [], (0, 0, 0), f"this is not JSON: {error}")
    elements = sent if isinstance(sent, list) else [sent]
    if len(elements) > MAX_ITEMS:
        return _tested([], [], (len(elements), 0, 0), f"a post holds {MAX_ITEMS} items at most")
    policy: Any = visitor.bad_attributes
    valid = validate_sent(elements, policy)
    rejects = [refusal(one, one.index) for one in (*valid.rejects, *valid.skipped)]
    counts = len(elements), len(valid.items), len(elements) - len(valid.items)
    return _tested(list(zip(valid.indexes, valid.items, strict=True)), rejects, counts, None)


def _tested(
    rows: Sequence[tuple[int, dict[str, Any]]], rejects: list[Any], counts: tuple[int, int, int], error: str | None
) -> dict[str, Any]:
    names = list(dict.fromkeys(name for _, item in rows for name in item))
    return {"rows": rows, "names": names, "rejects": rejects, "counts": counts, "error": error}


def _sample(visit: Visit) -> bytes:
    file = visit.form.get("file")
    content: bytes = file.file.read() if isinstance(file, web.FileField) else b""
    content = content or visit.text("text").encode()
    if not content:
        raise ProblemError(422, "pages.vendor.no_file", "there was no file: choose one, or paste its beginning")
    return content
