"""Fill the blocks of road.sql that speak of a window's own columns. A feed sends the same few shapes for ever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from schemas import queries

ROAD = queries.load("road")
_SHAPES = 256
"""Statement texts kept: one a combination of columns that occurs."""


@dataclass(frozen=True, slots=True)
class Column:
    """A hot attribute's column, its type, and the type it travels as (numeric travels as its canonical text)."""

    name: str
    type: str
    travels: str

    @property
    def read(self) -> str:
        """Return the expression that reads it."""
        return f"v.{self.name}" if self.type == self.travels else f"v.{self.name}::{self.travels}"

    @property
    def write(self) -> str:
        """Return the expression of its new value."""
        return f"u.{self.name}" if self.type == self.travels else f"u.{self.name}::{self.type}"


COLUMNS = {
    "vendorSku": Column("vendor_sku", "text", "text"),
    "barcode": Column("barcode", "text", "text"),
    "inventoryQuantity": Column("inventory_quantity", "integer", "integer"),
    "manualInventoryQuantity": Column("manual_inventory_quantity", "integer", "integer"),
    "allocationBufferOverride": Column("allocation_buffer_override", "integer", "integer"),
    "inventoryPolicy": Column("inventory_policy", "text", "text"),
    "inventoryQuantityOverride": Column("inventory_quantity_override", "text", "text"),
    "costPrice": Column("cost_price", "numeric", "text"),
    "retailPrice": Column("retail_price", "numeric", "text"),
    "compareAtPrice": Column("compare_at_price", "numeric", "text"),
}


@lru_cache(_SHAPES)
def differing_rows(attributes: tuple[str, ...]) -> str:
    """Return the compare of a window whose items have these hot attributes."""
    read = "".join(f", {COLUMNS[name].read}" for name in attributes)
    return str(ROAD.differing_rows.sql).format(columns=read)


@lru_cache(_SHAPES)
def update_rows(attributes: tuple[str, ...]) -> str:
    """Return the update that writes these hot attributes: parameters from the seventh on, in this order."""
    columns = [COLUMNS[name] for name in attributes]
    assignments = "".join(f", {column.name} = {column.write}" for column in columns)
    if "inventoryQuantity" in attributes:
        assignments += (
            ", inventory_updated_at = CASE WHEN v.inventory_quantity IS DISTINCT FROM u.inventory_quantity"
            " THEN $1 ELSE v.inventory_updated_at END"
        )
    return str(ROAD.update_rows.sql).format(
        assignments=assignments, parameters=_parameters(columns, 7), columns=_names(columns)
    )


@lru_cache(_SHAPES)
def insert_rows(attributes: tuple[str, ...]) -> str:
    """Return the insert of rows with these hot attributes: parameters from the ninth on, in this order."""
    columns = [COLUMNS[name] for name in attributes]
    counted = "CASE WHEN u.inventory_quantity IS NOT NULL THEN $1 END" if "inventoryQuantity" in attributes else "NULL"
    return str(ROAD.insert_rows.sql).format(
        inventory_updated_at=counted,
        columns=_names(columns),
        values="".join(f", {column.write}" for column in columns),
        parameters=_parameters(columns, 9),
    )


def _names(columns: Sequence[Column]) -> str:
    return "".join(f", {column.name}" for column in columns)


def _parameters(columns: Sequence[Column], first: int) -> str:
    return "".join(f", ${number}::{column.travels}[]" for number, column in enumerate(columns, first))
