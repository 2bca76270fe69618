"""The types of variants, and their queries: what one and many have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ingest.api.framework.models import Body, Changes, Stored
from schemas import attributes as a
from schemas import queries

CONNECT = queries.load("connect")
VARIANTS = queries.load("variants", beside=__file__)
Sku = Annotated[a.Sku, Field(min_length=1, max_length=255, pattern=r"^[^\x00]*$")]
SETTABLE = ("sku", "barcode", "name")


class VariantCreate(Body):
    """A new variant."""

    sku: Sku = Field(description="unique in the account")
    barcode: a.Barcode | None = None
    name: a.ShortText | None = None


class VariantUpdate(Changes):
    """Changes of a variant; what is omitted stays, null clears."""

    sku: Sku = ""
    barcode: a.Barcode | None = None
    name: a.ShortText | None = None


class Variant(Stored):
    """One of the account's own products."""

    sku: str
    barcode: str | None
    name: str | None
    available_quantity: int | None = Field(
        description="read-only: what the connected feed variants may sell together; null while none is connected"
    )
