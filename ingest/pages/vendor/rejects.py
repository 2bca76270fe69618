"""A reject in the vendor's words: its row, its column, what stood there, and why that cannot be."""

from __future__ import annotations

from typing import Any

_LIMIT = "limit.daily_sku"


def refusal(reject: Any, row: int | None) -> dict[str, Any]:
    """Return a reject as a vendor sees it: of the account's limit it is told what to do, and no number."""
    column = getattr(reject, "column", None) or reject.field
    message = "was not taken that day: send it again on the next" if reject.code == _LIMIT else reject.message
    return {"row": row, "key": reject.external_id, "column": column, "value": reject.value, "message": message}
