"""The road's last stretch against a model of it in plain Python, over whatever hypothesis thinks of.

The model knows no hashes, no marks and no SQL: rows are dicts, a charged day is a member of a set.
"""

import asyncio
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest.mock import patch
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from schemas.batches import Batch, Operation, Source
from schemas.errors import Transient
from schemas.items import ATTRIBUTES, DETAIL_ATTRIBUTES, NULL_MEANS
from workers.apply import Memory, apply_window, receipts
from workers.apply.planner import SESSION
from workers.apply.statements import COLUMNS
from workers.database import open_connection

ZONES = ["UTC", "America/New_York", "Pacific/Apia", "Asia/Kathmandu", "Africa/Cairo"]
START = datetime(2026, 3, 7, 20, tzinfo=UTC)  # a day before clocks change in New York
FEEDS = {1: "defer", 2: "reject"}

VALUES = {
    "vendorSku": st.sampled_from(["s1", "s2", None]),
    "inventoryQuantity": st.sampled_from([0, 1, 2, None]),
    "retailPrice": st.sampled_from(["0", "1.5", None]),
    "inventoryPolicy": st.sampled_from(["track", "deny", None]),
    "name": st.sampled_from(["n1", "n2", None]),
    "tags": st.sampled_from([[], ["t"], None]),
    "metaFields": st.sampled_from([{}, {"a": 1}, {"a": True}, {"a": 1.0}, None]),
}
ITEMS = st.fixed_dictionaries({"externalId": st.sampled_from("abcd")}, optional=VALUES)
BATCHES = st.lists(st.tuples(st.sampled_from(list(FEEDS)), st.lists(ITEMS, min_size=1, max_size=6), st.integers(0, 30)))


def reading(item):
    """Return an item with nulls read as what they mean."""
    return {name: NULL_MEANS.get(name) if value is None else value for name, value in item.items()}


class Road(RuleBasedStateMachine):
    """One account with two feeds; windows go to Postgres and to the model."""

    database = ""

    def __init__(self):
        super().__init__()
        self.runner = asyncio.Runner()
        self.now = START
        self.limit, self.zone = None, "UTC"
        self.rows, self.deferred, self.used = {}, {}, {}
        self.sent = []
        self.memory = Memory(6)
        self.known = self.memory.begin()

    def run(self, coroutine):
        return self.runner.run(coroutine)

    def teardown(self):
        self.run(self.connection.close())
        self.known.end()
        assert 6 == self.memory.left
        self.runner.close()

    @initialize(limit=st.sampled_from([None, 0, 2, 3, 5]), zone=st.sampled_from(ZONES))
    def start(self, limit, zone):
        self.limit, self.zone = limit, zone
        self.connection = self.run(open_connection(self.database, "model", session=SESSION))
        self.run(
            self.connection.execute(
                """
                DELETE FROM feed_variants;
                DELETE FROM feed_variant_details;
                DELETE FROM usage;
                DELETE FROM deferred_items;
                DELETE FROM receipts;
                DELETE FROM change_streams;
                INSERT INTO accounts (id, name) VALUES (1, 'one') ON CONFLICT DO NOTHING;
                INSERT INTO dropship_providers (id, account_id, name) VALUES (1, 1, 'vendor') ON CONFLICT DO NOTHING;
                INSERT INTO inventory_feeds
                    (id, account_id, dropship_provider_id, name, resource_type, hash, over_limit)
                VALUES (1, 1, 1, 'first', 'webhook', 'h1', 'defer'), (2, 1, 1, 'second', 'webhook', 'h2', 'reject')
                ON CONFLICT DO NOTHING;
                """
            )
        )
        self.set_account()

    def set_account(self):
        self.run(
            self.connection.execute("UPDATE accounts SET daily_sku_limit = $1, time_zone = $2", self.limit, self.zone)
        )

    @rule(limit=st.sampled_from([None, 0, 1, 2, 3, 5]))
    def change_limit(self, limit):
        self.limit = limit
        self.set_account()

    @rule(zone=st.sampled_from(ZONES))
    def move(self, zone):
        self.zone = zone
        self.set_account()

    @rule(kept=st.booleans())
    def keep_changes(self, kept):
        keep = "INSERT INTO change_streams (account_id, enabled) VALUES (1, true) ON CONFLICT DO NOTHING"
        self.run(self.connection.execute(keep if kept else "DELETE FROM change_streams"))

    @rule(hours=st.integers(1, 20))
    def wait(self, hours):
        self.now += timedelta(hours=hours)

    @rule(batches=BATCHES, again=st.booleans())
    def upsert(self, batches, again):
        window = [self.batch(Operation.UPSERT, feed, items, late) for feed, items, late in batches]
        if again and self.sent:
            window.insert(len(window) // 2, self.sent[-1])
        self.send(window)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def send_almost_the_same(self, data):
        like = data.draw(st.sampled_from(self.sent))
        item = data.draw(st.sampled_from(like.items))
        name = data.draw(st.sampled_from(list(VALUES)))
        item = item | {name: data.draw(VALUES[name])}
        self.send([self.batch(Operation.UPSERT, like.feed_id, [item])])

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def redeliver(self, data):
        self.send([data.draw(st.sampled_from(self.sent))])

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def send_the_same_items(self, data):
        like = data.draw(st.sampled_from(self.sent))
        if like.operation is Operation.UPSERT:
            self.send([self.batch(Operation.UPSERT, like.feed_id, like.items)])

    @rule(feed=st.sampled_from(list(FEEDS)), item=ITEMS)
    def replay(self, feed, item):
        self.send([replace(self.batch(Operation.UPSERT, feed, [item]), replays=1)])

    @rule(batches=BATCHES.filter(bool))
    def fail(self, batches):
        window = [self.batch(Operation.UPSERT, feed, items, late) for feed, items, late in batches]
        with patch.object(receipts, "encode", side_effect=Transient), pytest.raises(Transient):
            self.run(apply_window(self.connection, window, self.now, self.known))

    @rule()
    def lose_the_session(self):
        self.known.end()
        self.known = self.memory.begin()

    @rule(feed=st.sampled_from(list(FEEDS)), keys=st.lists(st.sampled_from("abcd"), min_size=1, max_size=3))
    def delete(self, feed, keys):
        self.send([self.batch(Operation.DELETE, feed, [{"externalId": key} for key in keys])])

    @rule(count=st.integers(1, 4), stray=st.booleans())
    def release(self, count, stray):
        keys = [key for feed, key in self.deferred if feed == 1][:count] + ["d"] * stray
        if keys:
            self.send([self.batch(Operation.RELEASE, 1, [{"externalId": key} for key in keys])])

    def batch(self, operation, feed, items, late_hours=0):
        received = self.now - timedelta(hours=late_hours)
        return Batch(
            uuid.uuid4(), 1, feed, int(received.timestamp() * 1000), Source.WEBHOOK, items, operation=operation
        )

    def send(self, window):
        """Apply a window to both and compare what became of every item."""
        if not window:
            return
        expected = self.expect(window)
        result = self.run(apply_window(self.connection, window, self.now, self.known))
        assert expected == [
            [line["outcome"] for line in each.items] if each.claimed else None for each in result.batches
        ]
        for each in result.batches:
            assert not each.claimed or sum(each.counts.values()) == len(each.batch.items)
        self.sent = [*self.sent, *(batch for batch in window if batch not in self.sent)][-5:]

    def expect(self, window):
        outcomes, entries = [], {}
        fresh = []
        self.reserved, self.redeemed = len(self.deferred), {}
        for batch in window:
            if batch in self.sent or batch in fresh:
                outcomes.append(None)
                continue
            fresh.append(batch)
            outcomes.append(["unchanged"] * len(batch.items))
            for slot, item in enumerate(batch.items):
                key = (batch.feed_id, item["externalId"])
                if key in entries:
                    earlier, _, place, before = entries[key]
                    earlier[before] = "superseded"
                    entries[key] = (outcomes[-1], batch, place | item, slot)
                else:
                    entries[key] = (outcomes[-1], batch, item, slot)
        for key, (carrier, batch, item, slot) in entries.items():
            if batch.operation is Operation.DELETE:
                self.deferred.pop(key, None)
                carrier[slot] = "updated" if self.rows.pop(key, None) else "unchanged"
            elif batch.operation is Operation.RELEASE and key not in self.deferred:
                carrier[slot] = "superseded"
            else:
                carrier[slot] = self.settle(key, batch, item)
        return outcomes

    def settle(self, key, batch, item):
        """Return the outcome of one merged item that is to be stored."""
        whole = self.deferred.get(key, {}) | item
        row = self.rows.get(key)
        before = row["values"] if row else {}
        after = before | reading(whole)
        shown = {name: NULL_MEANS.get(name) for name in ATTRIBUTES}
        if row and orjson.dumps(shown | before, option=orjson.OPT_SORT_KEYS) == orjson.dumps(
            shown | after, option=orjson.OPT_SORT_KEYS
        ):
            self.deferred.pop(key, None)
            return "unchanged"
        day = datetime.fromtimestamp(batch.received_ms / 1000, ZoneInfo(self.zone)).date()
        charged = row["charged"] if row else set()
        if day not in charged:
            waited = key in self.deferred
            kept = 0 if waited else max(self.reserved - self.redeemed.get(day, 0), 0)
            if self.limit is not None and self.used.get(day, 0) + kept >= self.limit:
                if batch.operation is Operation.RELEASE:
                    return "deferred"
                if FEEDS[key[0]] == "reject":
                    return "rejected"
                self.deferred[key] = whole
                return "deferred"
            self.used[day] = self.used.get(day, 0) + 1
            self.redeemed[day] = self.redeemed.get(day, 0) + waited
        self.deferred.pop(key, None)
        self.rows[key] = {"values": after, "charged": charged | {day}}
        return "updated" if row else "created"

    @invariant()
    def stored_is_as_modelled(self):
        if not hasattr(self, "connection"):
            return
        assert self.modelled() == self.run(self.stored())

    def modelled(self):
        blank = {name: NULL_MEANS.get(name) for name in ATTRIBUTES}
        rows = {key: blank | row["values"] for key, row in self.rows.items()}
        return rows, [(key, item) for key, item in self.deferred.items()], self.used

    async def stored(self):
        rows = {}
        for row in await self.connection.fetch(
            """
            SELECT v.*, coalesce(d.attributes, '{}')::text AS details FROM feed_variants v
            LEFT JOIN feed_variant_details d ON d.account_id = v.account_id AND d.feed_variant_id = v.id
            """
        ):
            hot = {name: row[column.name] for name, column in COLUMNS.items()}
            prices = {name: None if hot[name] is None else str(hot[name]) for name in hot if name.endswith("Price")}
            details = {name: NULL_MEANS.get(name) for name in DETAIL_ATTRIBUTES} | orjson.loads(row["details"])
            rows[row["feed_id"], row["external_id"]] = {"externalId": row["external_id"]} | hot | prices | details
        deferred = await self.connection.fetch("SELECT * FROM deferred_items ORDER BY position")
        usage = await self.connection.fetch("SELECT day, used FROM usage WHERE used > 0")
        return (
            rows,
            [((row["feed_id"], row["external_id"]), orjson.loads(row["item"])) for row in deferred],
            {row["day"]: row["used"] for row in usage},
        )


def test_windows_do_what_the_model_says(database):
    Road.database = database
    run_state_machine_as_test(
        Road,
        settings=settings(
            max_examples=20, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
