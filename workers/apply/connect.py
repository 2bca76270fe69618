"""Which variant a feed variant connects to, decided purely: by SKU, else by barcode, as its feed's rules say.

Beginning at are feed variants that are new, whose SKU or barcode changed, or that a CONNECT batch names. More than one
match connects nothing and is told as a warning; no match leaves a connection as it is. By hand always wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import repeat
from typing import Any

from workers.apply.work import Entry, Feed


class Rule(StrEnum):
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
Warned = dict[str, Any]
"""A warning for the receipt."""


@dataclass(slots=True)
class Candidate:
    """A feed variant that may connect: what to look for, in order."""

    entry: Entry
    asked: list[Asked]


def candidate(entry: Entry, values: Mapping[str, Any]) -> Candidate | None:
    """Return what to look for, for the SKU and barcode in `values`; None when the feed's rules ask for nothing."""
    asked = list(_asked(entry.work.feed, values.get("vendorSku"), values.get("barcode")))
    return Candidate(entry, asked) if asked else None


def candidates(entries: Iterable[Entry]) -> list[Candidate]:
    """Return those of the entries that are new or whose SKU or barcode changes, if their feeds connect."""
    found = (
        candidate(entry, entry.changes)
        for entry in entries
        if "vendorSku" in entry.changes or "barcode" in entry.changes
    )
    return [each for each in found if each is not None]


class Lines:
    """New lines that may connect: their feeds with their numbers, in order, and the SKU and the barcode of each."""

    def __init__(self, spans: Iterable[tuple[Feed, int]], columns: Mapping[str, Sequence[str | None]]) -> None:
        self._parts: list[tuple[Feed, Sequence[str | None], Sequence[str | None]]] = []
        skus, barcodes = columns.get("vendorSku"), columns.get("barcode")
        end = 0
        for feed, lines in spans:
            begin, end = end, end + lines
            nothing = [None] * lines
            self._parts.append(
                (feed, skus[begin:end] if skus else nothing, barcodes[begin:end] if barcodes else nothing)
            )

    def asked(self) -> set[Asked]:
        """Return all that is to be looked for."""
        asked: set[Asked] = set()
        for feed, skus, barcodes in self._parts:
            if feed.connects:
                asked.update(zip(repeat(_rule_of(feed)), repeat(feed.account_id), filter(None, skus)))
            if feed.connects_by_barcode:
                asked.update(zip(repeat(Rule.BARCODE), repeat(feed.account_id), filter(None, barcodes)))
        return asked

    def choose(self, matches: Mapping[Asked, list[int]]) -> Iterator[tuple[int | None, Warned | None]]:
        """Yield what `choose` returns of each line."""
        for feed, skus, barcodes in self._parts:
            for sku, barcode in zip(skus, barcodes, strict=True):
                yield choose(_asked(feed, sku, barcode), matches)


def choose(wanted: Iterable[Asked], matches: Mapping[Asked, list[int]]) -> tuple[int | None, Warned | None]:
    """Return the variant that the first rule with a match finds; none, but a warning, if it finds several."""
    for asked in wanted:
        found = matches.get(asked, ())
        if len(found) == 1:
            return found[0], None
        if found:
            attribute = asked[0].attribute
            return None, {
                "field": attribute,
                "code": "ambiguous_match",
                "message": f"{len(found)} variants have this {attribute}; connected to none of them",
            }
    return None, None


def _asked(feed: Feed, sku: str | None, barcode: str | None) -> Iterator[Asked]:
    if feed.connects and sku:
        yield _rule_of(feed), feed.account_id, sku
    if feed.connects_by_barcode and barcode:
        yield Rule.BARCODE, feed.account_id, barcode


def _rule_of(feed: Feed) -> Rule:
    return Rule.SKU_IN_ANY_CASE if feed.ignores_sku_case else Rule.SKU
