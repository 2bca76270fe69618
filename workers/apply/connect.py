"""Which variant a feed variant connects to, decided purely: by SKU, else by barcode, as its feed's rules say.

Beginning at are feed variants that are new, whose SKU or barcode changed, or that a CONNECT batch names. More than one
match connects nothing and is told as a warning; no match leaves a connection as it is. By hand always wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from workers.apply.work import Entry


class Rule(Enum):
    """A way to match, in the order in which they are tried; the value is the attribute that is looked at."""

    SKU = "vendorSku"
    SKU_IN_ANY_CASE = "vendorSku "
    BARCODE = "barcode"

    @property
    def attribute(self) -> str:
        """Return the attribute of the item that is matched."""
        return self.value.strip()


Asked = tuple[Rule, int, str]
"""A rule, an account id, and the SKU or barcode to look for."""


@dataclass(slots=True)
class Candidate:
    """A feed variant that may connect: what to look for, in order."""

    entry: Entry
    asked: list[Asked]


def candidate(entry: Entry, values: Mapping[str, Any]) -> Candidate | None:
    """Return what to look for, for the SKU and barcode in `values`; None when the feed's rules ask for nothing."""
    feed = entry.work.feed
    asked: list[Asked] = []
    if feed.connects and (sku := values.get("vendorSku")):
        asked.append((Rule.SKU_IN_ANY_CASE if feed.ignores_sku_case else Rule.SKU, feed.account_id, sku))
    if feed.connects_by_barcode and (barcode := values.get("barcode")):
        asked.append((Rule.BARCODE, feed.account_id, barcode))
    return Candidate(entry, asked) if asked else None


def candidates(entries: Iterable[Entry]) -> list[Candidate]:
    """Return those of the entries that are new or whose SKU or barcode changes, if their feeds connect."""
    found = (
        candidate(entry, entry.changes)
        for entry in entries
        if "vendorSku" in entry.changes or "barcode" in entry.changes
    )
    return [each for each in found if each is not None]


def choose(wanting: Candidate, matches: Mapping[Asked, list[int]]) -> int | None:
    """Return the variant that the first rule with a match finds; None, with a warning, if it finds several."""
    for asked in wanting.asked:
        found = matches.get(asked, [])
        if len(found) == 1:
            return found[0]
        if found:
            attribute = asked[0].attribute
            wanting.entry.warn(
                {
                    "field": attribute,
                    "code": "ambiguous_match",
                    "message": f"{len(found)} variants have this {attribute}; connected to none of them",
                }
            )
            return None
    return None
