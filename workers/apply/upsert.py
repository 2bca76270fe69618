"""Upserts and releases: merge, compare, admit, write. An unchanged item writes nothing at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from asyncpg import Connection

from schemas.batches import Operation
from workers.apply import admit, changes, charging, connect, deferred, rows, variants
from workers.apply.differing import NONE, Differing, Updates
from workers.apply.inserts import NONE as NO_INSERTS
from workers.apply.inserts import Inserts
from workers.apply.merge import merge
from workers.apply.purse import Purse
from workers.apply.work import Entry, Work


async def upsert(connection: Connection, works: Sequence[Work], now: datetime, *, lock_usage: bool) -> list[Purse]:
    """Apply the items of batches, all with rules to apply by; return the accounts' days that were charged."""
    sheet = merge(works)
    await deferred.join(connection, sheet)
    if works[0].batch.operation is Operation.RELEASE:
        sheet = deferred.drop_released(sheet)
    if not len(sheet):
        return []
    hashed = sheet.hashed()
    found = await rows.read_differing(connection, sheet, hashed)
    compared = Compared(found, await rows.read_entries(connection, found))
    return await write(connection, compared, now, lock_usage=lock_usage)


@dataclass(frozen=True, slots=True)
class Compared:
    """What a window would change: the entries, and beside them `updates` and `inserts`; `held`: the feeds are."""

    found: Differing
    changed: list[Entry]
    updates: Updates = NONE
    inserts: Inserts = NO_INSERTS
    held: bool = True

    @property
    def changes_nothing(self) -> bool:
        """Return whether there is nothing to write."""
        return not (self.changed or self.updates.places or self.inserts.places)

    @property
    def only_updates(self) -> bool:
        """Return whether all that is to write are hot attributes of rows that are there, in columns or in entries."""
        if self.inserts.places or (self.changed and self.updates.places) or connect.candidates(self.changed):
            return False
        return all(entry.row is not None and entry.details is None for entry in self.changed)


async def write(connection: Connection, compared: Compared, now: datetime, *, lock_usage: bool) -> list[Purse]:
    """Write what a window changes, as far as the limit admits it; return the accounts' days that were charged."""
    changed, updates, inserts = compared.changed, compared.updates, compared.inserts
    wanting, asked = connect.candidates(changed), inserts.lines.asked()
    await variants.share(connection, asked | variants.asked_by(wanting))
    plain = (*updates.wanted, *inserts.wanted)
    purses = admit.purses_of(changed, plain)
    await charging.look(connection, purses, lock=lock_usage)
    if (updates.places or inserts.places) and any(purse.short for purse in purses):
        return await write(connection, await _by_entries(connection, compared), now, lock_usage=lock_usage)
    admitted, others = admit.admit(changed, purses)
    admit.take(plain)
    if not compared.held:
        having = await rows.hold(connection, admitted, others, inserts)
        asked = {each for each in asked if each[1] in having}
    if updates.places:
        await rows.update(connection, compared.found, updates, now)
    if inserts.places:
        await rows.insert(connection, inserts, await variants.find_lines(connection, inserts, asked), now)
    if admitted:
        left = set(others)
        connecting = await variants.find(connection, [each for each in wanting if each.entry not in left])
        await rows.write(connection, admitted, compared.found.hashed, now)
        await variants.connect_updated(connection, connecting, now)
        changes.note(admitted)
    if others:
        await deferred.keep(connection, others, now)
    await deferred.forget(connection, compared.found.sheet.done(others))
    await charging.charge(connection, purses)
    return purses


async def _by_entries(connection: Connection, compared: Compared) -> Compared:
    """Return the same without columns: where not everything fits into a day, who is named first has a say."""
    for work in compared.found.sheet.works:
        work.purse = None
    changed = await rows.read_entries(connection, compared.found)
    return replace(compared, changed=changed, updates=NONE, inserts=NO_INSERTS)
