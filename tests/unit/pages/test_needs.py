"""What waits for a person: each kind of trouble is told, by harm, with the one thing to do."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace as Told

import pytest

from ingest.feeds.conditions import Condition
from ingest.pages.needs import Known, grows, needs_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
QUIET = [1] * 23


def overview(dead=0, canary=None):
    return Told(at=NOW, dead_letters=dead, canary=canary)


def feed(condition=Condition.ON_TIME, hash_until=None, number=7):
    run = 3 if condition is Condition.HELD else None
    return Told(
        id=number, name="Acme", condition=condition, reason="why", last_run_id=run, previous_hash_until=hash_until
    )


def usage(used=0, limit=None):
    return Told(used=used, limit=limit, deferred=12, resets_at=NOW)


def test_nothing_waits_when_all_is_well():
    late_hash = feed(hash_until=NOW + timedelta(hours=20))
    canary = Told(arrived_at=NOW, late=False)
    assert [] == needs_of(Known(overview(canary=canary), [feed(), late_hash], usage(5, 10)))


def test_the_worst_comes_first_and_each_leads_to_where_it_is_mended():
    outlook = Told(sentence="20,000 reached about 16:40", forecast=Told(reached_at=NOW))
    causes = [Told(code="postgres.22001", feed_name="Acme", hours=[*QUIET, 14])]
    feeds = [feed(Condition.DISABLED), feed(Condition.HELD), feed(Condition.SILENT), feed(Condition.FAILING)]
    feeds.append(feed(hash_until=NOW + timedelta(minutes=40)))
    canary = Told(arrived_at=NOW - timedelta(minutes=6), late=True)
    found = needs_of(Known(overview(1, canary), feeds, usage(5, 10), outlook, causes))
    assert [
        ("The canary has not arrived for 6 min", "/lag"),
        ("A run of Acme is held", "/feeds/7/runs/3"),
        ("Acme is failing", "/feeds/7"),
        ("Dead letters of Acme grow", "/dead-letters"),
        ("1 dead letter waits", "/dead-letters"),
        ("Today's limit will not last", "/usage"),
        ("The old hash of Acme works for another 40 min", "/feeds/7"),
        ("Acme is silent", "/feeds/7"),
        ("Acme is disabled", "/feeds/7"),
    ] == [(need.title, need.href) for need in found]
    assert "postgres.22001: 14 in the last hour, 1 an hour before" == found[3].reason
    assert "20,000 reached about 16:40" == found[5].reason


def test_a_limit_that_is_used_up_is_told_instead_of_its_forecast():
    outlook = Told(sentence="", forecast=Told(reached_at=NOW))
    titles = [need.title for need in needs_of(Known(overview(), [], usage(10, 10), outlook))]
    assert ["Today's limit is used up"] == titles


@pytest.mark.parametrize(
    ("hours", "wanted"),
    [([*QUIET, 2], False), ([*QUIET, 3], True), ([0] * 23 + [2], False), ([0] * 23 + [3], True), ([5] * 24, False)],
)
def test_a_cause_grows_when_an_hour_has_more_than_twice_what_it_usually_has(hours, wanted):
    assert wanted == grows(hours)
