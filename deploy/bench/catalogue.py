"""The catalogue that the benchmark sends: 100,000 SKUs over a few feeds, as lean or rich items, cut into posts.

A post is a template: the text between two quantities. The load generator joins its parts with a number, so that the
same posts change every item (a new number a pass) or none (the same number again) at next to no cost.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import orjson

from schemas.items import MAX_ITEMS

SKUS = 100_000
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


def lean(number: int, quantity: int) -> dict[str, Any]:
    """Return an item of 4 attributes."""
    sku = f"SKU-{number:07d}"
    return {
        "externalId": sku,
        "vendorSku": sku,
        "inventoryQuantity": quantity,
        "retailPrice": number % 500 + 0.99,
    }


def rich(number: int, quantity: int) -> dict[str, Any]:
    """Return an item of 15 attributes, about 700 bytes."""
    text = f"Hand-made from oiled oak, number {number}. " * 6
    return lean(number, quantity) | {
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


def posts(kind: str, feeds: list[Feed], seed: int) -> list[Post]:
    """Return posts of 50 items that hold every SKU once, in random order; a SKU always belongs to the same feed."""
    shuffled = random.Random(seed)  # noqa: S311
    made: list[Post] = []
    for position, feed in enumerate(feeds):
        numbers = list(range(position, SKUS, len(feeds)))
        shuffled.shuffle(numbers)
        for start in range(0, len(numbers), MAX_ITEMS):
            items = [KINDS[kind](number, _MARK) for number in numbers[start : start + MAX_ITEMS]]
            made.append(Post(feed, orjson.dumps(items).decode().split(str(_MARK))))
    shuffled.shuffle(made)
    return made
