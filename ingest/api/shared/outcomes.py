"""What became of items, and what a message changed of one: types of several resources."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from ingest.api.framework.models import Resource


class Totals(Resource):
    """Items by outcome."""

    created: int
    updated: int
    unchanged: int
    superseded: int
    deferred: int
    rejected: int
    dead: int


class Values(Resource):
    """An attribute before and after."""

    old: Any = None
    new: Any = None


class Cause(Resource):
    """The message that did something to a feed variant, and when."""

    batch_id: str
    run_id: int | None
    source: str
    index: int | None = Field(description="place in the post, or row of the file")
    received_at: datetime
    applied_at: datetime
