"""What a held run would change, shown before it is approved: in numbers with examples, and as a list of every item."""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import AsyncIterator, Iterable
from datetime import date, datetime
from typing import Any

import orjson
from aiohttp import web
from pydantic import Field

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.downloads import download, harmless
from ingest.api.framework.models import Query, Resource
from ingest.api.framework.operation import Operation
from ingest.api.shared.feeds import run_of
from ingest.feeds.runs import RUN_SQL

_HEADER = ("change", "externalId", "field", "stored", "new")


class Difference(Resource):
    """One attribute of an item."""

    field: str
    stored: Any
    new: Any


class Example(Resource):
    """One item, and what of it would change."""

    external_id: str
    changes: list[Difference]


class Diff(Resource):
    """What a run would change of what was stored when it was held, by the rules that the road writes by."""

    run_id: int
    made_at: datetime
    created: int
    changed: int
    unchanged: int
    zeroed: int = Field(description="missing from the file, and set to quantity 0")
    emptied: int = Field(description="whose quantity falls to 0, the zeroed ones among them")
    repriced: int = Field(description="one of whose prices moves by more than half")
    missing: int = Field(description="stored with a quantity and not in the file, whether they are zeroed or not")
    units_before: int = Field(description="sum of the quantities stored")
    units_after: int
    day: date = Field(description="the account's day that the limit is of")
    limit: int | None = Field(description="the account's daily SKU limit; null: unlimited")
    used: int = Field(description="what of it was used")
    cost: int = Field(description="what the run takes of it; what was charged that day already is free")
    note: str | None = Field(description="why missing items would be left alone")
    examples: dict[str, list[Example]] = Field(
        description="up to 250 of each: created, changed, unchanged, zeroed, emptied, repriced"
    )


async def diff_json(call: Call[Query, None]) -> Answer:
    """Return the numbers and the examples."""
    return Answer(await _diff(call))


async def diff_csv(call: Call[Query, None]) -> web.Response:
    """Return every item that would change, read and written a piece at a time."""
    diff = await _diff(call)
    return web.Response(
        body=_lines(call, diff.run_id),
        content_type="text/csv",
        charset="utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="run-{diff.run_id}-diff.csv"',
            "Cache-Control": "no-store",
        },
    )


async def _diff(call: Call[Query, None]) -> Diff:
    run = await run_of(call)
    row = await call.db.one(RUN_SQL.diff_of_run, run_id=run["id"])
    if row is None:
        raise call.problem(
            404, "no_diff", f"the run is {run['status']}: held runs and dry runs tell what they would do"
        )
    summary = row["summary"]
    known = {name: value for name, value in summary.items() if not name.startswith("units")}
    units = {"units_before": summary["unitsBefore"], "units_after": summary["unitsAfter"]}
    examples = {
        kind: [Example.of({"external_id": item["externalId"], "changes": item["changes"]}) for item in items]
        for kind, items in summary["examples"].items()
    }
    return Diff.of({**known, **units, "examples": examples, "run_id": run["id"], "made_at": row["made_at"]})


async def _lines(call: Call[Query, None], run_id: int) -> AsyncIterator[bytes]:
    yield _written([_HEADER])
    position = 0
    while (packed := await call.db.one(RUN_SQL.diff_chunk, run_id=run_id, position=position)) is not None:
        entries = orjson.loads(zlib.decompress(packed))
        yield _written(row for kind, external_id, changes in entries for row in _rows(kind, external_id, changes))
        position += 1


def _rows(kind: str, external_id: str, changes: list[Any]) -> Iterable[tuple[Any, ...]]:
    """Yield a row a changed attribute; of a new item one, with its quantity."""
    if kind == "created":
        quantity = next((new for name, _, new in changes if name == "inventoryQuantity"), None)
        changes = [("inventoryQuantity", None, quantity)]
    return [(kind, external_id, name, _cell(stored), _cell(new)) for name, stored, new in changes]


def _cell(value: Any) -> Any:
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else value


def _written(rows: Iterable[Iterable[Any]]) -> bytes:
    written = io.StringIO()
    csv.writer(written).writerows([[harmless(cell) for cell in row] for row in rows])
    return written.getvalue().encode()


_RUN = "/api/inventory-feeds/{id}/runs/{run}"

OPERATIONS = (
    Operation(
        name="runs.diff",
        method="GET",
        path=f"{_RUN}/diff.json",
        summary="Show what a held run would change",
        description="Compared when the run was held; look at it before you approve.",
        scope=Scope.READ,
        response=Diff,
        problems={404: "there is no such run, or it was not held"},
        handler=diff_json,
    ),
    download(
        "runs.diff_csv",
        f"{_RUN}/diff.csv",
        diff_csv,
        "Download what a held run would change as CSV",
        description="Every item that would change: a line an attribute; of a new item one, with its quantity. Held and "
        "dry runs keep the list until they are approved, cancelled or superseded.",
        problems={404: "there is no such run, or it was not held"},
    ),
)
