"""What a run refused of its file: the reasons, and the rows as they stand in it."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from pydantic import Field

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.downloads import csv_file, download
from ingest.api.framework.models import Query, Resource
from ingest.api.framework.operation import Operation
from ingest.api.shared.feeds import run_of
from ingest.feeds.rejected_rows import rejected_rows
from ingest.feeds.runs import RUN_SQL

MAX_REJECTS = 1_000


class Reject(Resource):
    """One reason why a row of the file was refused."""

    row: int = Field(description="of the file, counted from 1 as people do; a CSV's header is row 1")
    external_id: str | None
    field: str | None = Field(description="the item attribute")
    column: str | None = Field(description="the column, XPath or JSON path that the value came from")
    code: str
    message: str
    value: str | None = Field(description="what stood there, cut to 200 characters")
    skipped: bool = Field(description="the attribute alone was left out, and the item went on")


async def rejects_json(call: Call[Query, None]) -> Answer:
    """Return the rejects that were kept."""
    return Answer([Reject.of(reject) for reject in await _rejects(call)])


async def rejects_csv(call: Call[Query, None]) -> web.Response:
    """Return the rejects that were kept as a file."""
    rejects = await _rejects(call)
    header = ("row", "externalId", "field", "column", "code", "message", "value", "skipped")
    name = f"feed-{call.id}-run-{call.path['run']}-rejects.csv"
    return csv_file(name, header, (reject.values() for reject in rejects))


async def rejected_rows_csv(call: Call[Query, None]) -> web.Response:
    """Return the refused rows as they stand in the file, with the column that is wrong and why beside each."""
    header, table = rejected_rows(await _rows(call))
    return csv_file(f"feed-{call.id}-run-{call.path['run']}-rejected-rows.csv", header, table)


async def _rows(call: Call[Any, Any]) -> Any:
    run = await run_of(call)
    return await call.db.all(RUN_SQL.rejects_of_run, run_id=run["id"], limit=MAX_REJECTS)


async def _rejects(call: Call[Any, Any]) -> list[dict[str, Any]]:
    return [
        {
            "row": row["row_number"],
            "external_id": row["external_id"],
            "field": row["field"],
            "column": row["source"],
            "code": row["code"],
            "message": row["message"],
            "value": row["value"],
            "skipped": row["skipped"],
        }
        for row in await _rows(call)
    ]


_RUN = "/api/inventory-feeds/{id}/runs/{run}"

OPERATIONS = (
    Operation(
        name="runs.rejects",
        method="GET",
        path=f"{_RUN}/rejects.json",
        summary="List the rejects of a run",
        description=f"The first {MAX_REJECTS:,}; `rejectsLeftOut` of the run counts the others.",
        scope=Scope.READ,
        response=list[Reject],
        handler=rejects_json,
    ),
    download(
        "runs.rejects_csv",
        f"{_RUN}/rejects.csv",
        rejects_csv,
        "Download the rejects of a run as CSV",
    ),
    download(
        "runs.rejected_rows_csv",
        f"{_RUN}/rejected-rows.csv",
        rejected_rows_csv,
        "Download the rejected rows of a run as they stand in its file",
        description="Of the file's own columns (of XML and JSON the paths), with two behind them: `wrongColumn`, and"
        " `wrong`, which says why, and in which row. To be mended, and sent again.",
    ),
)
