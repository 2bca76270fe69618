"""Upserts and releases: merge, compare, admit, write. An unchanged item writes nothing at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from asyncpg import Connection

from schemas.batches import Operation
from workers.apply import admit, changes, charging, compare, deferred, rows, variants
from workers.apply.compare import Hashed
from workers.apply.merge import merge
from workers.apply.purse import Purse
from workers.apply.sheet import Sheet
from workers.apply.work import Entry, Work


async def upsert(connection: Connection, works: Sequence[Work], now: datetime, *, lock_usage: bool) -> list[Purse]:
    """Apply the items of batches, all with rules to apply by; return the accounts' days that were charged."""
    sheet = merge(works)
    await deferred.join(connection, sheet)
    if works[0].batch.operation is Operation.RELEASE:
        sheet = deferred.drop_released(sheet)
    if not len(sheet):
        return []
    hashed = compare.hash_all(sheet.items)
    changed = await rows.read_changed(connection, sheet, hashed)
    return await write(connection, Compared(sheet, hashed, changed), now, lock_usage=lock_usage)


@dataclass(frozen=True, slots=True)
class Compared:
    """A window's sheet, its hashes, and the entries that would change something; `held`: the feeds are."""

    sheet: Sheet
    hashed: Hashed
    changed: list[Entry]
    held: bool = True


async def write(connection: Connection, compared: Compared, now: datetime, *, lock_usage: bool) -> list[Purse]:
    """Write what a window changes, as far as the limit admits it; return the accounts' days that were charged."""
    changed, hashed = compared.changed, compared.hashed
    await variants.share(connection, changed)
    purses = admit.purses_of(changed)
    await charging.look(connection, purses, lock=lock_usage)
    admitted, others = admit.admit(changed, purses)
    if not compared.held:
        await rows.hold(connection, admitted, others)
    if admitted:
        connecting = await variants.find(connection, admitted)
        await rows.write(connection, admitted, hashed, now)
        await variants.connect_updated(connection, connecting, now)
        changes.note(admitted)
    if others:
        await deferred.keep(connection, others, now)
    await deferred.forget(connection, compared.sheet.done(others))
    await charging.charge(connection, purses)
    return purses
