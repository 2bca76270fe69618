"""Upserts and releases: merge, compare, admit, write. An unchanged item writes nothing at all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from asyncpg import Connection

from workers.apply import admit, compare, deferred, rows, usage, variants
from workers.apply.admit import Purse
from workers.apply.merge import merge
from workers.apply.work import Work


async def upsert(connection: Connection, works: Sequence[Work], now: datetime, *, lock_usage: bool) -> list[Purse]:
    """Apply the items of batches, all with rules to apply by; return the accounts' days that were charged."""
    entries = merge(works)
    await deferred.join(connection, entries)
    entries = deferred.drop_released(entries)
    if not entries:
        return []
    attributes, with_details = compare.attributes_of(entries)
    differing = await rows.read_changed(connection, entries, attributes)
    for entry in differing:
        compare.compare_hot(entry, attributes)
    if with_details and differing:
        await rows.compare_details(connection, differing)
    changed = [entry for entry in differing if entry.row is None or entry.changes or entry.details is not None]
    purses = admit.purses_of(changed)
    await usage.look(connection, purses, lock=lock_usage)
    admitted, others = admit.admit(changed)
    if admitted:
        connecting = await variants.find(connection, admitted)
        await rows.write(connection, admitted, attributes, now)
        await variants.connect_updated(connection, connecting, now)
    if others:
        await deferred.keep(connection, others, now)
    left = set(map(id, others))
    await deferred.forget(connection, [entry for entry in entries if entry.was_deferred and id(entry) not in left])
    await usage.charge(connection, purses)
    return purses
