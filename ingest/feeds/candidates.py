"""Which variants a feed variant may mean though no rule of its feed connects it, and why. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

SAME, OTHER_CASE, BARCODE = "the same SKU", "SKU in another case", "the same barcode"
_PART = re.compile(r"[-_./: ]+")
_SHORTEST, _MOST_PREFIXES = 3, 3
"""What is left of a SKU after a prefix says nothing when it is shorter; and no SKU has many prefixes."""


@dataclass(frozen=True, slots=True)
class Way:
    """A SKU in lower case to look for, and what it would be."""

    key: str
    reason: str


def ways(vendor_sku: str | None, external_id: str) -> list[Way]:
    """Return what to look for, the likeliest first; each key once."""
    found: dict[str, str] = {}
    for text, name in ((vendor_sku, "SKU"), (external_id, "externalId")):
        if not text:
            continue
        whole = text.lower()
        found.setdefault(whole, OTHER_CASE if name == "SKU" else "its externalId is the SKU")
        for part in list(_PART.finditer(whole))[:_MOST_PREFIXES]:
            rest = whole[part.end() :]
            if part.start() and len(rest) >= _SHORTEST:
                found.setdefault(rest, f"{name} after the prefix “{text[: part.end()]}”")
        bare = whole.lstrip("0")
        if bare != whole and len(bare) >= _SHORTEST:
            found.setdefault(bare, f"{name} without leading zeros")
    return [Way(key, reason) for key, reason in found.items()]


def reason_of(way: Way, vendor_sku: str | None, sku: str) -> str:
    """Return why a variant with `sku`, found by a way, may be meant."""
    return SAME if way.reason == OTHER_CASE and sku == vendor_sku else way.reason
