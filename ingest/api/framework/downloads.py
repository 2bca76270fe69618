"""Answers that are files."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

from aiohttp import web

from ingest.api.framework.caller import Scope
from ingest.api.framework.operation import Handler, Operation

_FORMULA = re.compile(r"[=@\t\r]|[+-](?![\d.,]+$)")


def download(name: str, path: str, handler: Handler, summary: str, **more: Any) -> Operation:
    """Declare an operation whose answer is a file: CSV, unless it `produces` something else."""
    usual: dict[str, Any] = {"scope": Scope.READ, "response": str, "produces": ("text/csv",)}
    return Operation(name=name, method="GET", path=path, summary=summary, handler=handler, **usual | more)


def csv_file(name: str, header: Sequence[str], rows: Iterable[Iterable[Any]]) -> web.Response:
    """Return a CSV download (RFC 4180, UTF-8) whose cells no spreadsheet takes for formulas."""
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(header)
    for row in rows:
        table.writerow(harmless(cell) for cell in row)
    return web.Response(
        body=written.getvalue().encode(),
        content_type="text/csv",
        charset="utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


def harmless(cell: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula (https://owasp.org/www-community/attacks/CSV_Injection)."""
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell
