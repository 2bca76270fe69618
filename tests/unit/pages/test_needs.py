"""What waits for a person: each kind of trouble is told, by harm, with the one thing to do."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace as Told

import pytest

from ingest.feeds.conditions import Condition
from ingest.pages.needs import Known, grows, needs_of, unnamed

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
QUIET = [1] * 23


def overview(dead=0, canary=None, troubled=(), expiring=(), conditions=None):
    known = {"troubled": troubled, "expiring": expiring, "conditions": conditions or {}}
    return Told(at=NOW, dead_letters=dead, canary=canary, **known)


def lost(stage=None, reason=None, minutes=6, arrived=True):
    at = NOW - timedelta(minutes=minutes) if arrived else None
    return Told(arrived_at=at, late=True, stage=stage, shard=3, reason=reason)


def feed(condition=Condition.ON_TIME, hash_until=None, number=7):
    run = 3 if condition is Condition.HELD else None
    return Told(
        id=number, name="Acme", condition=condition, reason="why", last_run_id=run, previous_hash_until=hash_until
    )


def usage(used=0, limit=None, sentence="", reached_at=None):
    told = Told(reached_at=reached_at) if reached_at else None
    return Told(used=used, limit=limit, deferred=12, time_zone="Europe/Berlin", sentence=sentence, forecast=told)


def test_nothing_waits_when_all_is_well():
    assert [] == needs_of(Known(overview(canary=Told(arrived_at=NOW, late=False)), usage(5, 10)))


def test_the_worst_comes_first_and_each_leads_to_where_it_is_mended():
    causes = [Told(code="postgres.22001", feed_name="Acme", hours=[*QUIET, 14], count=37)]
    troubled = [feed(one) for one in (Condition.HELD, Condition.FAILING, Condition.SILENT, Condition.DISABLED)]
    expiring = [feed(hash_until=NOW + timedelta(minutes=40))]
    told = overview(38, lost("row", "the row reads 1, posted was 2"), troubled, expiring)
    found = needs_of(Known(told, usage(5, 10, "20,000 reached about 16:40", NOW), causes))
    assert [
        ("The canary has not arrived for 6 min", "/lag"),
        ("A run of Acme is held", "/feeds/7/runs/3"),
        ("Acme is failing", "/feeds/7"),
        ("Dead letters of Acme grow", "/dead-letters"),
        ("1 other dead letter waits", "/dead-letters"),
        ("Today's limit will not last", "/usage"),
        ("The old hash of Acme works for another 40 min", "/feeds/7"),
        ("Acme is silent", "/feeds/7"),
        ("Acme is disabled", "/feeds/7"),
    ] == [(need.title, need.href) for need in found]
    assert "postgres.22001: 14 in the last hour, 1 an hour before; 37 wait" == found[3].reason
    assert "20,000 reached about 16:40" == found[5].reason


@pytest.mark.parametrize(
    ("dead", "titles"),
    [
        (0, []),
        (1, ["1 dead letter waits"]),
        (37, ["37 dead letters wait"]),
    ],
)
def test_dead_letters_that_do_not_grow_are_counted(dead, titles):
    causes = [Told(code="item", feed_name=None, hours=[5] * 24, count=dead)]
    assert titles == [need.title for need in needs_of(Known(overview(dead), usage(), causes))]


def test_dead_letters_that_are_told_of_by_their_cause_are_not_counted_once_more():
    causes = [
        Told(code="item", feed_name=name, hours=hours, count=20)
        for name, hours in (("Acme", [*QUIET, 14]), ("Bolt", [*QUIET, 3]), ("Cord", QUIET))
    ]

    def titles(dead):
        return [need.title for need in needs_of(Known(overview(dead), usage(), causes))]

    grow = ["Dead letters of Acme grow", "Dead letters of Bolt grow"]
    assert grow == titles(39)  # they were counted a moment before
    assert grow == titles(40)
    assert [*grow, "1,020 other dead letters wait"] == titles(1_060)


@pytest.mark.parametrize(
    ("canary", "title", "reason"),
    [
        (lost("post", "503"), "has not arrived for 6 min", "its post was not accepted on shard 3 (503)"),
        (lost("receipt"), "has not arrived for 6 min", "its post was accepted, and no receipt came on shard 3"),
        (lost("row"), "has not arrived for 6 min", "its receipt came, and its row does not say so on shard 3"),
        (lost("post", arrived=False), "has never arrived", "its post was not accepted on shard 3"),
        (lost(), "has not arrived for 6 min", "none was sent since: the process feedline watch stands"),
    ],
)
def test_a_lost_canary_is_told_with_since_when_and_the_stage_that_it_did_not_reach(canary, title, reason):
    (need,) = needs_of(Known(overview(canary=canary), usage()))
    assert f"The canary {title}" == need.title
    assert f"an item of our own goes the whole road: {reason}" == need.reason


def test_feeds_that_the_api_counts_and_does_not_name_are_counted_too():
    counted = {Condition.ON_TIME: 700, Condition.OVERDUE: 299, Condition.HELD: 1}
    assert 280 == unnamed(overview(troubled=[feed(Condition.HELD)] * 20, conditions=counted))


def test_a_limit_that_is_used_up_is_told_instead_of_its_forecast():
    (need,) = needs_of(Known(overview(), usage(10, 10, reached_at=NOW)))
    assert ("Today's limit is used up", "12 items wait until midnight, Europe/Berlin") == (need.title, need.reason)


@pytest.mark.parametrize(
    ("hours", "wanted"),
    [([*QUIET, 2], False), ([*QUIET, 3], True), ([0] * 23 + [2], False), ([0] * 23 + [3], True), ([5] * 24, False)],
)
def test_a_cause_grows_when_an_hour_has_more_than_twice_what_it_usually_has(hours, wanted):
    assert wanted == grows(hours)
