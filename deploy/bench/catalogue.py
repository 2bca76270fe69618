"""The catalogue that the benchmark sends: 100,000 SKUs (a million where more rows are stored) over a few feeds, as lean
or rich items, cut into posts.

A post is a template: the text between two quantities. The load generator joins its parts with a number, so that the
same posts change every item (a new number a pass) or none (the same number again) at next to no cost.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from schemas.items import MAX_ITEMS

SKUS = 100_000
SKUS_OF_MANY = 1_000_000
_UNCHANGED, _UNCHANGED_OR_CHANGED = 0.9, 0.99
_MARK = 987_654_321
"""Stands for the quantity in a template; no other number of an item looks like it."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed of the benchmark and its webhook hash."""

    id: int
    hash: str


@dataclass(frozen=True, slots=True)
class Post:
    """One post: its feed, and its body cut at the quantities."""

    feed: Feed
    parts: list[str]

    def body(self, quantity: int) -> bytes:
        """Return the body in which every item has this quantity."""
        return str(quantity).join(self.parts).encode()


def lean(number: int, quantity: int, prefix: str = "SKU") -> dict[str, Any]:
    """Return an item of 4 attributes; no kind has the SKUs of another, whose rows it would find."""
    sku = f"{prefix}-{number:07d}"
    return {
        "externalId": sku,
        "vendorSku": sku,
        "inventoryQuantity": quantity,
        "retailPrice": number % 500 + 0.99,
    }


def rich(number: int, quantity: int) -> dict[str, Any]:
    """Return an item of 15 attributes, about 700 bytes."""
    text = f"Hand-made from oiled oak, number {number}. " * 6
    return lean(number, quantity, "OAK") | {
        "name": f"Oak side table, model {number % 1000}, colour {number % 17}",
        "description": text[:260],
        "barcode": f"{4_000_000_000_000 + number}",
        "mpn": f"OAK-{number % 9999}",
        "handle": f"oak-side-table-{number}",
        "externalGroupId": f"GROUP-{number // 4}",
        "externalUrl": f"https://vendor.example/products/oak-side-table-{number}",
        "productType": "Furniture",
        "vendorName": "Oak and Sons",
        "countryOfOrigin": "NL",
        "costPrice": number % 300 + 0.5,
    }


KINDS = {"lean": lean, "rich": rich}


def numbers(rows: int, seed: int) -> list[int]:
    """Return the SKUs that are sent of so many that are stored, in random order; 0 is for just those that are sent."""
    if not rows:
        return random.Random(seed).sample(range(SKUS), SKUS)  # noqa: S311
    return random.Random(seed).sample(range(rows), min(rows, SKUS_OF_MANY))  # noqa: S311


def posts(kind: str, feeds: list[Feed], skus: Sequence[int], *, new: bool = False) -> list[Post]:
    """Return posts of 50 items that hold every SKU once; a SKU always belongs to the same feed.

    The SKUs of `new` posts have the quantity in their names, so that another quantity makes new ones of all.
    """
    make = KINDS[kind]
    by_feed: dict[int, list[int]] = {}
    for number in skus:
        by_feed.setdefault(number % len(feeds), []).append(number)
    made: list[Post] = []
    for position, mine in by_feed.items():
        for start in range(0, len(mine), MAX_ITEMS):
            items = [make(number, _MARK) for number in mine[start : start + MAX_ITEMS]]
            if new:
                items = [renamed(item) for item in items]
            made.append(Post(feeds[position], _cut(items)))
    random.Random(len(made)).shuffle(made)  # noqa: S311
    return made


def usual(feeds: list[Feed], sizes: Sequence[int], seed: int) -> list[Post]:
    """Return the posts of a usual day: of each feed's so many SKUs, 90 % unchanged, 9 % changed, 1 % new each pass."""
    chance = random.Random(seed)  # noqa: S311
    made: list[Post] = []
    for place, (feed, size) in enumerate(zip(feeds, sizes, strict=True)):
        for start in range(0, size, MAX_ITEMS):
            items = []
            for number in range(start, min(start + MAX_ITEMS, size)):
                draw = chance.random()
                item = lean(place * SKUS + number, 1 if draw < _UNCHANGED else _MARK)
                items.append(renamed(item) if draw >= _UNCHANGED_OR_CHANGED else item)
            made.append(Post(feed, _cut(items)))
    chance.shuffle(made)
    return made


def renamed(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item that is new with every quantity."""
    sku = f"{item['externalId']}-{_MARK}"
    return item | {"externalId": sku, "vendorSku": sku}


def _cut(items: list[dict[str, Any]]) -> list[str]:
    return orjson.dumps(items).decode().split(str(_MARK))
