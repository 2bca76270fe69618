"""What an item of a pulled file would change of what is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.comparison import differences


def would_change(item: Mapping[str, Any], stored: Any | None) -> tuple[str, list[dict[str, Any]]]:
    """Return the outcome that an item would have, and its changes as `{"field", "stored", "new"}`.

    `stored` is a row of the query `stored_items`; None when nothing is stored.
    """
    if stored is None:
        return "created", []
    changes = [
        {"field": name, "stored": before, "new": after}
        for name, before, after in differences(item, stored, stored["details"])
    ]
    return ("updated" if changes else "unchanged"), changes
