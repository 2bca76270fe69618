"""All feed variants as a file, CSV or NDJSON, streamed: however many there are, a page of them is in memory."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from typing import Any

import orjson
from aiohttp import web

from ingest.api.framework.call import Call
from ingest.api.framework.downloads import download, harmless
from ingest.api.shared.goods import FeedVariant, FeedVariantFilters
from ingest.api.shared.stored_pages import every

_COLUMNS = [field.alias or name for name, field in FeedVariant.model_fields.items()]


async def export_csv(call: Call[FeedVariantFilters, None]) -> web.StreamResponse:
    """Send them as CSV (RFC 4180, UTF-8); lists and objects are JSON in their cell."""

    async def parts() -> AsyncIterator[bytes]:
        yield _table([_COLUMNS])
        async for rows in every(call):
            yield _table([[_cell(row[name]) for name in _COLUMNS] for row in _resources(rows)])

    return await _sent(call, "text/csv", "feed-variants.csv", parts())


async def export_ndjson(call: Call[FeedVariantFilters, None]) -> web.StreamResponse:
    """Send them as JSON, one a line."""

    async def parts() -> AsyncIterator[bytes]:
        async for rows in every(call):
            yield b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in _resources(rows))

    return await _sent(call, "application/x-ndjson", "feed-variants.ndjson", parts())


def _resources(rows: Sequence[Any]) -> list[dict[str, Any]]:
    return [FeedVariant.of_row(row).model_dump(mode="json", by_alias=True) for row in rows]


def _cell(value: Any) -> Any:
    if isinstance(value, list | dict):
        return orjson.dumps(value).decode()
    return harmless(value)


def _table(rows: list[list[Any]]) -> bytes:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue().encode()


async def _sent(call: Call[Any, Any], media: str, name: str, parts: AsyncIterator[bytes]) -> web.StreamResponse:
    """Stream a file; what goes wrong before its first part is a problem like any other, later the connection breaks."""
    first = await anext(parts)
    response = web.StreamResponse(
        headers={
            "Content-Type": f"{media}; charset=utf-8",
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        }
    )
    response.enable_compression()
    await response.prepare(call.request)
    await response.write(first)
    async for part in parts:
        await response.write(part)
    await response.write_eof()
    return response


_ABOUT = "By the filters of the list, in its order. Cells that a spreadsheet would take for a formula begin with `'`."

OPERATIONS = (
    download(
        "inventory_feed_variants.export_csv",
        "/api/inventory-feed-variants.csv",
        export_csv,
        "Download feed variants as CSV",
        description=_ABOUT,
        bound=True,
        query=FeedVariantFilters,
    ),
    download(
        "inventory_feed_variants.export_ndjson",
        "/api/inventory-feed-variants.ndjson",
        export_ndjson,
        "Download feed variants as NDJSON",
        description="One feed variant a line, as the list has them, by its filters and in its order.",
        bound=True,
        query=FeedVariantFilters,
        produces=("application/x-ndjson",),
    ),
)
