"""What a draft makes of its file: detected, proposed, row beside row, rejects in groups, against the saved settings."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pydantic import ValidationError

from ingest.api.framework.call import Call
from ingest.api.shared.previews import detect
from ingest.api.shared.previews.drafts import MAX_ROWS, Draft, Row, difference, draft_of, read_head
from ingest.api.shared.previews.types import EditChanges, RejectGroup
from ingest.feeds.mapping import Format, FormatSettings
from ingest.feeds.mends import mend_of
from ingest.feeds.proposals import Proposal, propose
from ingest.feeds.runs import RUN_SQL
from ingest.feeds.would_change import would_change
from ingest.pull.fetch import ContentLimits, Fetched
from ingest.pull.parse.process.files import FileParser
from ingest.pull.parse.process.parsers import ParserDiedError
from ingest.pull.records import Report
from schemas.errors import Permanent, Rejected

FORMAT_NAMES = frozenset(field.alias or name for name, field in Format.model_fields.items()) | {"resourceType"}
_VALUES = 3


def form_of(settings: Mapping[str, Any]) -> FormatSettings:
    """Return how a draft reads its file; raises ValueError with what does not fit."""
    known = {name: value for name, value in settings.items() if name in FORMAT_NAMES}
    try:
        return FormatSettings.model_validate(known)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        message = str(first["msg"]).removeprefix("Value error, ")
        raise ValueError(f"{where}: {message}" if where else message) from None


async def detected(
    call: Call[Any, Any], fetched: Fetched, given: Mapping[str, Any]
) -> tuple[list[detect.Finding], list[Proposal]]:
    """Return what a new file is, as far as `given` settings do not say it, and the mapping that is proposed for it."""
    limits = ContentLimits.of(call.services.settings)
    kind = given.get("resourceType")
    head, whole = await asyncio.to_thread(read_head, fetched, detect.HEAD_BYTES, limits)
    if detect.is_html(head) and kind != "xml":
        raise call.problem(
            422, "html", "the address answered a web page, not a file: is a login needed, or another address?"
        )
    found = [] if kind else [detect.kind(head, fetched.content_type)]
    kind = kind or found[0].value
    if "itemPath" not in given:
        found += detect.item_path(kind, head, whole=whole)
    settings = {"resourceType": kind, **{one.setting: one.value for one in found}, **given, "mapping": {}}
    packed = detect.compression(await asyncio.to_thread(_first_bytes, fetched))
    found += [packed] if packed else []
    draft = await _try(call, fetched, settings)
    if draft is None:
        return found, []
    columns = draft.looked.columns
    if "decimalNotation" not in given:
        found.append(detect.decimal_sign(columns))
    report = draft.looked.report
    found += [
        detect.Finding(name, value, why)
        for name, value, why in (
            ("delimiter", report.delimiter, "the character that splits all rows alike"),
            ("encoding", None if report.doubt == "encoding" else report.encoding, _of_encoding(report)),
        )
        if value and name not in given
    ]
    return found, propose(columns)


async def shown(
    call: Call[Any, Any],
    fetched: Fetched,
    settings: Mapping[str, Any],
    saved: FormatSettings | None,
    feed_id: int | None,
) -> dict[str, Any]:
    """Return the parts of the answer that come from reading the file."""
    error: str | None = None
    draft: Draft | None
    try:
        form = form_of(settings)
        draft = await _read(call, fetched, form)
    except (ValueError, Rejected, Permanent, ParserDiedError) as wrong:
        error, notation = str(wrong), str(settings.get("decimalNotation", "decimal"))
        draft = await _try(call, fetched, {**settings, "mapping": {}})
    else:
        error, notation = draft.looked.error, form.decimal_notation
    if draft is None:
        return nothing(error)
    rows = await _rows(call, draft.rows if error is None else [], feed_id)
    changed = None
    if saved is not None and error is None:
        changed = EditChanges.of(asdict(difference(await _read(call, fetched, saved), draft)))
    report = draft.looked.report
    outcomes = Counter(row["outcome"] for row in rows)
    return {
        **report.as_json(),
        "error": error,
        "counts": dict(outcomes),
        "columns": draft.looked.columns,
        "rows": rows,
        "groups": [] if error else groups_of(draft.looked.rejects, notation),
        "changed": changed,
    }


def _first_bytes(fetched: Fetched) -> bytes:
    with fetched.path.open("rb") as file:
        return file.read(4)


def _of_encoding(report: Report) -> str:
    if report.encoding_guessed:
        return "guessed, for the file does not say it: look whether its texts are right"
    return "read without a broken character"


def groups_of(rejects: Sequence[Mapping[str, Any]], notation: str) -> list[RejectGroup]:
    """Return rejects by code and column, the most frequent first, each with its likely mend."""
    found: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for reject in rejects:
        found.setdefault((reject["code"], reject["field"], reject["column"]), []).append(reject)
    groups = []
    for (code, field, column), members in sorted(found.items(), key=lambda one: -len(one[1])):
        values = list(dict.fromkeys(str(one["value"]) for one in members if one["value"] is not None))
        mend = mend_of(field, code, values, notation)
        known = {"code": code, "field": field, "column": column, "count": len(members)}
        rows = [one["index"] for one in members[:_VALUES]]
        more = {
            "message": members[0]["message"],
            "values": values[:_VALUES],
            "rows": rows,
            "mend": mend and asdict(mend),
        }
        groups.append(RejectGroup.model_validate({**known, **more}, by_name=True))
    return groups


async def _read(call: Call[Any, Any], fetched: Fetched, form: FormatSettings) -> Draft:
    """Read the beginning of a file in a process that may be killed."""
    parser = FileParser(call.services.settings, call.services.parsers)
    return draft_of(await parser.look(fetched, form, MAX_ROWS))


async def _try(call: Call[Any, Any], fetched: Fetched, settings: Mapping[str, Any]) -> Draft | None:
    try:
        return await _read(call, fetched, form_of(settings))
    except (ValueError, Rejected, Permanent, ParserDiedError):
        return None


async def _rows(call: Call[Any, Any], rows: Sequence[Row], feed_id: int | None) -> list[dict[str, Any]]:
    keys = [row.item["externalId"] for row in rows if row.item]
    known = await call.db.all(RUN_SQL.stored_items, feed_id=feed_id, external_ids=keys) if feed_id and keys else []
    stored = {row["external_id"]: row for row in known}
    found = []
    for row in rows:
        outcome, changes = would_change(row.item, stored.get(row.item["externalId"])) if row.item else ("rejected", [])
        values = {"row": row.number, "raw": row.raw, "item": row.item, "rejects": row.rejects}
        found.append({**values, "outcome": outcome, "changes": changes})
    return found


def nothing(error: str | None) -> dict[str, Any]:
    """Return the same parts of a file that cannot be read, or is gone."""
    counts = dict.fromkeys(("rows_read", "rows_mapped", "rows_rejected"), 0)
    empty: dict[str, Any] = {"columns": {}, "ignored": [], "rows": [], "groups": [], "counts": {}, "changed": None}
    return {**counts, **empty, "error": error, "encoding": None, "delimiter": None, "complete": True, "reason": None}
