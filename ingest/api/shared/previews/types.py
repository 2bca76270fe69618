"""What a preview of a draft answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from ingest.api.framework.models import Resource


class Detected(Resource):
    """One setting that was found in the file itself."""

    setting: str
    value: Any
    why: str


class Proposed(Resource):
    """Where an attribute may come from, how sure that is, and why."""

    attribute: str
    path: str
    confidence: float
    why: str
    transforms: list[str]


class PreviewMend(Resource):
    """What would probably let the rejects of a kind through."""

    label: str
    settings: dict[str, Any]
    attribute: str | None
    transform: Any


class RejectGroup(Resource):
    """Rejects of one kind: code and column."""

    code: str
    field: str | None
    column: str | None
    count: int
    message: str
    values: list[str] = Field(description="three of them")
    rows: list[int]
    mend: PreviewMend | None


class PreviewRow(Resource):
    """One record of the file beside what becomes of it."""

    row: int
    raw: dict[str, Any] = Field(description="its values by column or path")
    outcome: str = Field(description="created, updated, unchanged or rejected (the daily limit apart)")
    item: dict[str, Any] | None
    changes: list[dict[str, Any]] = Field(description="against what is stored: field, stored, new")
    rejects: list[dict[str, Any]]


class EditChanges(Resource):
    """What the draft changes against the feed's saved settings, on the same rows."""

    rows: int
    rejects_before: int
    rejects_after: int
    changed: dict[str, int] = Field(description="rows by attribute that changes")
    factors: dict[str, str] = Field(description="attributes of which all values change by one factor")
    examples: dict[str, list[tuple[int, Any, Any]]] = Field(description="row, before, after")
    keys_changed: int = Field(description="rows that would be other items")


class DraftPreview(Resource):
    """A draft, and what it makes of its file."""

    id: int
    feed_id: int | None
    source: str
    bytes: int
    fetched_at: datetime
    kept_until: datetime = Field(description="until then settings are tried without fetching again")
    settings: dict[str, Any] = Field(description="as they were used: given, else detected and proposed")
    detected: list[Detected]
    proposed: list[Proposed]
    encoding: str | None
    delimiter: str | None
    complete: bool
    reason: str | None
    error: str | None = Field(description="why the file cannot be read by these settings")
    rows_read: int
    rows_mapped: int
    rows_rejected: int
    counts: dict[str, int]
    columns: dict[str, list[Any]] = Field(description="three sample values by column or path")
    ignored: list[str] = Field(description="columns that no attribute takes")
    rows: list[PreviewRow]
    groups: list[RejectGroup]
    changed: EditChanges | None = Field(description="null for a draft of no feed")
