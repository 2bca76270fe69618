"""Fill the blocks of road.sql that speak of a window's own columns. A feed sends the same few shapes for ever."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from schemas import queries
from workers.apply import arrays

ROAD = queries.load("road", beside=__file__)
_SHAPES = 256
"""Statement texts kept: one a combination of columns that occurs."""
_PARAMETER = re.compile(r"\$([0-9]+)")


@dataclass(frozen=True, slots=True)
class Column:
    """A hot attribute's column and type. Numeric is read as text, which is canonical: equal is the same text."""

    name: str
    type: str

    @property
    def read(self) -> str:
        """Return the expression that reads it."""
        return f"v.{self.name}::text" if self.type == "numeric" else f"v.{self.name}"

    def read_as(self, attribute: str) -> str:
        """Return the expression that reads it, by its attribute's name."""
        return f'{self.read} AS "{attribute}"'

    def array(self, values: Iterable[Any]) -> str:
        """Return values as a parameter."""
        return arrays.texts(values) if self.type == "text" else arrays.numbers(values)


COLUMNS = {
    "vendorSku": Column("vendor_sku", "text"),
    "barcode": Column("barcode", "text"),
    "inventoryQuantity": Column("inventory_quantity", "integer"),
    "manualInventoryQuantity": Column("manual_inventory_quantity", "integer"),
    "allocationBufferOverride": Column("allocation_buffer_override", "integer"),
    "inventoryPolicy": Column("inventory_policy", "text"),
    "inventoryQuantityOverride": Column("inventory_quantity_override", "text"),
    "costPrice": Column("cost_price", "numeric"),
    "retailPrice": Column("retail_price", "numeric"),
    "compareAtPrice": Column("compare_at_price", "numeric"),
}
BOOKKEEPING = {name: Column(name, "bigint") for name in ("details_hash", "charged")}
"""Columns of our own that an update writes only if they change for some row."""
_WRITTEN = COLUMNS | BOOKKEEPING


@lru_cache(4)
def window_feeds(*, look: bool, hold: bool) -> str:
    """Return the statement that reads a window's feeds and, if asked to look, which of its batches were seen before.

    The feeds are the fourth parameter then, and the only one otherwise. To `hold` them takes a transaction.
    """
    return str(ROAD.window_feeds.sql).format(
        seen=_bare(ROAD.seen_batches.sql) if look else "SELECT n FROM generate_series(1, 0) n",
        feeds="$4" if look else "$1",
        lock="FOR KEY SHARE OF f" if hold else "",
    )


@lru_cache(_SHAPES)
def differing_rows(attributes: tuple[str, ...], *, with_details: bool, with_changes: bool = False) -> str:
    """Return the compare of a window whose items have these hot attributes, details or not, and keep changes or not."""
    read = "".join(f", {COLUMNS[name].read_as(name)}" for name in attributes)
    if with_changes:
        read += ", v.variant_id, v.last_change"
    return str(ROAD.differing_rows.sql).format(columns=read + (", v.details_hash" if with_details else ""))


@lru_cache(_SHAPES)
def update_rows(names: tuple[str, ...]) -> str:
    """Return the update that writes these hot attributes and bookkeeping: parameters from the sixth on, so ordered."""
    columns = [_WRITTEN[name] for name in names]
    assignments = "".join(f", {column.name} = u.{column.name}" for column in columns)
    if "inventoryQuantity" in names:
        assignments += (
            ", inventory_updated_at = CASE WHEN v.inventory_quantity IS DISTINCT FROM u.inventory_quantity"
            " THEN $1 ELSE v.inventory_updated_at END"
        )
    return str(ROAD.update_rows.sql).format(assignments=assignments, parameters=_parameters(columns, 6))


@lru_cache(1)
def write_receipts() -> str:
    """Return the statement that writes receipts and adds to the feeds' minutes: parameters of the minutes first."""
    return _together({"minutes": ROAD.add_minutes.sql}, ROAD.add_receipts.sql)


@lru_cache(_SHAPES)
def write_at_once(names: tuple[str, ...], *, charges: bool, tells: bool) -> str:
    """Return the statement that is a whole window which writes these hot attributes and bookkeeping.

    Parameters: those of the update, of the charge if it `charges`, of minutes, of receipts and of events if it `tells`;
    then the number of rows, and that of days if it charges.
    """
    steps = {"updated": f"{_bare(update_rows(names))}\nRETURNING 1"}
    if charges:
        steps["charged"] = ROAD.charge_unseen.sql
    steps |= {"minutes": ROAD.add_minutes.sql, "receipts": ROAD.add_receipts.sql}
    if tells:
        steps["events"] = ROAD.write_events.sql
    return _together(steps, ROAD.all_charged.sql if charges else ROAD.all_updated.sql)


def _together(steps: Mapping[str, str], end: str) -> str:
    """Return one statement of several: the parameters of each follow those of the one before it."""
    taken = 0
    blocks = []
    for step in (*steps.values(), end):
        blocks.append(_PARAMETER.sub(partial(_later, by=taken), _bare(step)))
        taken += max(map(int, _PARAMETER.findall(step)))
    named = ", ".join(f"{name} AS (\n{block}\n)" for name, block in zip(steps, blocks[:-1], strict=True))
    return f"WITH {named}\n{blocks[-1]}"


def _later(parameter: re.Match[str], by: int) -> str:
    return f"${int(parameter[1]) + by}"


def _bare(sql: str) -> str:
    return sql.rstrip("; \n")


@lru_cache(_SHAPES)
def insert_rows(attributes: tuple[str, ...], *, named: bool = False, detailed: bool = False) -> str:
    """Return the insert of rows with these hot attributes: parameters from the tenth on, in this order.

    The rows' ids come back where they are `named`; where they are `detailed` their details are the last parameter.
    """
    columns = [COLUMNS[name] for name in attributes]
    counted = "CASE WHEN u.inventory_quantity IS NOT NULL THEN $1 END" if "inventoryQuantity" in attributes else "NULL"
    statement = ROAD.insert_detailed_rows if detailed else ROAD.insert_rows
    return str(statement.sql).format(
        last=len(columns) + 10,
        inventory_updated_at=counted,
        columns=_names(columns),
        values="".join(f", u.{column.name}" for column in columns),
        parameters=_parameters(columns, 10),
        returning="RETURNING id, feed_id, external_id" if named else "",
    )


def _names(columns: Sequence[Column]) -> str:
    return "".join(f", {column.name}" for column in columns)


def _parameters(columns: Sequence[Column], first: int) -> str:
    return "".join(
        f", unnest(${number}::text::{column.type}[]) AS {column.name}" for number, column in enumerate(columns, first)
    )
