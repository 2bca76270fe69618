"""Connect feed variants to variants in the window's transaction, so that neither misses the other.

The worker shares a lock of the account before it looks variants up; the API owns it while it changes them, and looks
for waiting feed variants under it (schemas/sql/connect.sql). Connections are free of the daily SKU limit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from asyncpg import Connection

from schemas import queries
from schemas.outcomes import Outcome
from workers.apply import changes, connect
from workers.apply.arrays import numbers, texts
from workers.apply.connect import Asked, Candidate, Rule
from workers.apply.inserts import Inserts
from workers.apply.merge import merge
from workers.apply.rows import keys_of
from workers.apply.work import Entry, Work

_SQL = queries.load("connect")
_STATEMENTS = {
    Rule.SKU: "match_sku",
    Rule.SKU_IN_ANY_CASE: "match_sku_in_any_case",
    Rule.BARCODE: "match_barcode",
}


async def share(connection: Connection, asked: Collection[Asked]) -> None:
    """Share the lock of the accounts whose variants are to be looked up.

    Before usage rows are locked: a window that holds them and waits here would wait for whoever changes variants, who
    waits for a window that shares this lock and waits for the usage rows.
    """
    await _share(connection, {account_id for _, account_id, _ in asked})


async def find(connection: Connection, wanting: Sequence[Candidate]) -> list[Entry]:
    """Fill in `variant_id` of the entries that connect; return those of them whose rows are there already."""
    matches = await match(connection, asked_by(wanting))
    if not matches:
        return []
    for each in wanting:
        each.entry.variant_id = _choose(each, matches)
    return [each.entry for each in wanting if each.entry.row is not None and each.entry.variant_id is not None]


async def find_lines(connection: Connection, new: Inserts, asked: Collection[Asked]) -> list[int | None]:
    """Return the variants that new rows connect to, given what their lines ask for."""
    matches = await match(connection, asked)
    if not matches:
        return [None] * len(new)
    chosen = list(new.lines.choose(matches))
    for place, (_, warning) in enumerate(chosen):
        if warning is not None:
            new.sheet.warn(place, warning)
    return [variant_id for variant_id, _ in chosen]


async def connect_updated(connection: Connection, found: Sequence[Entry], now: datetime) -> None:
    """Write the connections that `find` returned; new rows are inserted with theirs."""
    if found:
        await _write(connection, found, now)


async def connect_named(connection: Connection, works: Sequence[Work], now: datetime) -> None:
    """Do what CONNECT batches ask for: connect by hand, disconnect, or apply the feeds' rules again.

    Where no rule finds a variant a connection stays, unless its variant is gone.
    """
    entries = merge(works).entries()
    await _share(connection, {entry.work.feed.account_id for entry in entries})
    rows = {row["n"] - 1: row for row in await connection.fetch(_SQL.connectable_rows.sql, *keys_of(entries))}
    present = [entry for place, entry in enumerate(entries) if place in rows]
    for place, entry in enumerate(entries):
        entry.row = rows.get(place)
        if entry.row is None:
            entry.work.reject(entry.slot, "feed_variant.missing", "there is no such feed variant any more")
    by_hand = [entry for entry in present if "variantId" in entry.item]
    await _by_hand(connection, by_hand)
    by_rule = [entry for entry in present if "variantId" not in entry.item]
    wanting = [connect.candidate(entry, _values(entry.row)) for entry in by_rule]
    matches = await match(connection, asked_by(each for each in wanting if each is not None))
    known = await _known(connection, [(entry, entry.row["variant_id"]) for entry in by_rule])
    for entry, each in zip(by_rule, wanting, strict=True):
        chosen = None if each is None else _choose(each, matches)
        held = entry.row["variant_id"]
        kept = held if (entry.work.feed.account_id, held) in known else None
        entry.variant_id = kept if chosen is None else chosen
    changed = [
        entry
        for entry in present
        if entry.variant_id != entry.row["variant_id"] and entry.work.outcomes[entry.slot] is Outcome.UNCHANGED
    ]
    if changed:
        await _write(connection, changed, now)
        changes.note(changed)
        for entry in changed:
            entry.end(Outcome.UPDATED)


async def _by_hand(connection: Connection, entries: Sequence[Entry]) -> None:
    known = await _known(connection, [(entry, entry.item["variantId"]) for entry in entries])
    for entry in entries:
        wanted = entry.item["variantId"]
        if wanted is None or (entry.work.feed.account_id, wanted) in known:
            entry.variant_id = wanted
        else:
            entry.work.reject(entry.slot, "variant.missing", "the account has no variant with this id")


async def _known(connection: Connection, asked: Iterable[tuple[Entry, int | None]]) -> set[tuple[int, int]]:
    """Return those of the variants asked for, as (account id, variant id), that there are."""
    wanted = [(entry.work.feed.account_id, variant_id) for entry, variant_id in asked if variant_id is not None]
    if not wanted:
        return set()
    rows = await connection.fetch(_SQL.match_id.sql, *zip(*wanted, strict=True))
    return {(row["account_id"], row["value"]) for row in rows}


async def _share(connection: Connection, account_ids: set[int]) -> None:
    for account_id in sorted(account_ids):
        await connection.fetchval(_SQL.share_variants.sql, account_id)


def asked_by(wanting: Iterable[Candidate]) -> set[Asked]:
    """Return all that candidates ask for."""
    return {asked for each in wanting for asked in each.asked}


def _choose(wanting: Candidate, matches: Mapping[Asked, list[int]]) -> int | None:
    variant_id, warning = connect.choose(wanting.asked, matches)
    if warning is not None:
        wanting.entry.work.warn(wanting.entry.slot, warning)
    return variant_id


async def match(connection: Connection, asked: Collection[Asked]) -> dict[Asked, list[int]]:
    """Return the ids of the variants that match, by what was asked."""
    by_rule: dict[Rule, list[Asked]] = defaultdict(list)
    for each in asked:
        by_rule[each[0]].append(each)
    matches: dict[Asked, list[int]] = defaultdict(list)
    if not by_rule:
        return matches
    # All indexes of variants begin with the account, and a plan that was kept since the table was empty may use the
    # wrong one; these look-ups are few, so each is planned for what is there.
    await connection.execute("SET LOCAL plan_cache_mode = force_custom_plan")
    for rule, of_rule in by_rule.items():
        statement = getattr(_SQL, _STATEMENTS[rule]).sql
        accounts = numbers([account_id for _, account_id, _ in of_rule])
        for row in await connection.fetch(statement, accounts, texts([value for *_, value in of_rule])):
            matches[rule, row["account_id"], row["value"]].append(row["id"])
    await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    return matches


async def _write(connection: Connection, entries: Sequence[Entry], now: datetime) -> None:
    await connection.execute(
        _SQL.connect_rows.sql,
        now,
        entries[0].work.told,
        [entry.work.feed.account_id for entry in entries],
        [entry.row["id"] for entry in entries],
        [entry.variant_id for entry in entries],
    )


def _values(row: Any) -> dict[str, Any]:
    return {"vendorSku": row["vendor_sku"], "barcode": row["barcode"]}
