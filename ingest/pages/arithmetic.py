"""Why a variant sells what it sells, as a sum that people can follow. Pure; `available_quantity` in SQL is the rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ingest.pages import words

_SPELT = 4
"""More parts than this are a sum of a list, not a sentence."""


@dataclass(frozen=True, slots=True)
class Term:
    """One feed variant's part: `counts` is what it adds, None while it is not known; `why` says how, or why not."""

    feed: str
    feed_variant_id: int
    counts: int | None
    why: str
    taken: bool


def terms_of(feed_variants: Sequence[Any], feeds: dict[int, Any]) -> list[Term]:
    """Return the parts, those that count first."""
    found = [_term(one, feeds.get(one.inventory_feed_id)) for one in feed_variants]
    return sorted(found, key=lambda term: (not term.taken, term.feed))


def sentence_of(terms: Sequence[Term], total: int | None) -> str:
    """Return the answer in one sentence: Sells 7 = Acme 9 - buffer 2."""
    taken = [term for term in terms if term.taken]
    if not taken:
        return "Sells nothing: no feed variant is connected" if not terms else "Sells nothing: none of its feeds counts"
    amount = "an unknown number" if total is None else format(total, ",")
    if len(taken) > _SPELT:
        counted = sum(bool(term.counts) for term in taken)
        return (
            f"Sells {'an unknown number' if total is None else format(total, ',')}, the sum of {counted} feed variants"
        )
    parts = " + ".join(f"{words.isolated(term.feed)} {term.why}" for term in taken)
    return f"Sells {amount} = {parts}"


def _term(one: Any, feed: Any) -> Term:
    if feed is None:
        return Term("a deleted feed", one.id, 0, "does not count: the feed is deleted", taken=False)
    if not feed.enabled:
        return Term(feed.name, one.id, 0, f"{_amount(one)} does not count: the feed is disabled", taken=False)
    buffer = feed.allocation_buffer if one.allocation_buffer_override is None else one.allocation_buffer_override
    return Term(feed.name, one.id, one.available_quantity, _how(one, buffer), taken=True)


def _how(one: Any, buffer: int) -> str:
    quantity, manual = one.inventory_quantity, one.manual_inventory_quantity
    if one.inventory_quantity_override == "manual" and manual is not None:
        return f"{manual:,}, set by hand (the file says {_amount(one)})"
    if quantity is None:
        return "unknown: the vendor gave no quantity"
    less = f" − buffer {buffer:,}" if buffer else ""  # noqa: RUF001 - minus
    if one.inventory_quantity_override == "maximum" and manual is not None and manual < quantity:
        return f"{manual:,} at most by hand, of {quantity:,}{less}"
    floor = ", not below 0" if quantity - buffer < 0 else ""
    return f"{quantity:,}{less}{floor}"


def _amount(one: Any) -> str:
    return "nothing" if one.inventory_quantity is None else f"{one.inventory_quantity:,}"
