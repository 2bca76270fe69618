"""What became of an item: every accepted item ends in exactly one outcome."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_MAX_SHOWN = 200


class Outcome(StrEnum):
    """The closed list of outcomes, as written in receipts, metrics and replies."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    SUPERSEDED = "superseded"
    """A later value for the same key, in the same batch or window, won."""
    DEFERRED = "deferred"
    """Over today's limit: kept, applied when there is room."""
    REJECTED = "rejected"
    """Invalid: field, code and message say why. The sender's fault."""
    DEAD = "dead"
    """Could not be applied: kept with its reason, replayable. Our fault."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Why one item, or one field of it, was refused: what was sent and what was expected.

    `index` is the item's position in its post, or the record's row in its file. `code` is one of the closed
    list in `docs/api.md`; `value` is what was sent, cut to 200 characters.
    """

    index: int
    external_id: str | None
    field: str | None
    code: str
    message: str
    value: Any = None

    def as_json(self) -> dict[str, Any]:
        """Return the object that answers, receipts and messages carry."""
        return {
            "index": self.index,
            "externalId": self.external_id,
            "field": self.field,
            "code": self.code,
            "message": self.message,
            "value": self.value,
        }


def shown(value: Any) -> Any:
    """Return a value as an error may quote it: scalars as they are, all cut to 200 characters.

    Halves of surrogate pairs, which no answer can hold, are shown as their escapes.
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    written = value if isinstance(value, str) else repr(value)
    if not written.isascii():
        written = written[: _MAX_SHOWN + 1].encode("utf-8", "backslashreplace").decode()
    return written if len(written) <= _MAX_SHOWN else written[: _MAX_SHOWN - 1] + "…"
