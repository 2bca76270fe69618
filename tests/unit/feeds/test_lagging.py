"""Why items wait: each rule of the sentence, and which one comes first."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ingest.feeds.lag_facts import Facts, Hand, Pace, Shard, pace_of
from ingest.feeds.lagging import Cause, judge

NOW = datetime(2026, 11, 26, 14, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def ago(**length):
    return NOW - timedelta(**length)


def shard(number=3, **known):
    return Shard(shard=number, **{"owner": "w", "told_at": NOW, "progressed_at": ago(minutes=2), **known})


def facts(*shards, **known):
    return Facts(shards=shards, zone=BERLIN, **{"workers": 2, **known})


LATE = shard(oldest_at=ago(minutes=5))
FLOODED = replace(LATE, hands=(Hand("Acme", 91), Hand("Beta", 9)), neighbours=("Acme", "Beta", "Gamma"))


def test_all_is_well_while_nothing_has_waited_for_long():
    verdict = judge(facts(shard(oldest_at=ago(seconds=9)), shard(4)), NOW)
    assert (Cause.WELL, "All well: nothing has waited for longer than 10 s", None) == (
        verdict.cause, verdict.sentence, verdict.since,
    )  # fmt: skip


def test_postgres_that_is_away_from_the_workers_is_told_with_the_reason_and_since_when():
    away = shard(waits_for="postgres", waits_reason="Away: connection refused")
    verdict = judge(facts(away, shard(4, owner=None)), NOW)
    assert (Cause.POSTGRES, ago(minutes=2), (3,)) == (verdict.cause, verdict.since, verdict.shards)
    assert "Postgres cannot be reached from shard 3 (Away: connection refused)" in verdict.sentence


def test_postgres_that_the_asked_process_itself_misses_needs_no_shard():
    verdict = judge(facts(postgres="timed out"), NOW)
    assert (Cause.POSTGRES, True) == (verdict.cause, "Postgres cannot be reached (timed out)" in verdict.sentence)


@pytest.mark.parametrize(
    ("known", "told"),
    [({"broker": "rabbitmq: blocked: low on memory"}, "RabbitMQ takes no messages (rabbitmq: blocked: low on memory)"),
     ({"broker": "rabbitmq: connection refused"}, "RabbitMQ cannot be reached (rabbitmq: connection refused)")],
)  # fmt: skip
def test_a_broker_that_blocks_is_told_from_one_that_is_away(known, told):
    verdict = judge(facts(shard(4, owner=None), shard(), **known), NOW)
    assert (Cause.BROKER, True, ago(minutes=2)) == (verdict.cause, told in verdict.sentence, verdict.since)


def test_a_shard_without_an_owner_is_told_since_its_last_word():
    dead = shard(owner=None, told_at=ago(minutes=4), oldest_at=ago(minutes=6))
    verdict = judge(facts(dead, FLOODED), NOW)
    assert (Cause.NO_OWNER, ago(minutes=4), (3,)) == (verdict.cause, verdict.since, verdict.shards)
    assert "Shard 3 has no owner: a worker died, or hands over" == verdict.sentence


def test_without_any_worker_the_sentence_says_so():
    verdict = judge(facts(shard(owner=None), shard(4, owner=None), workers=0), NOW)
    assert verdict.sentence.startswith("No worker is alive")
    assert "Start a worker" in verdict.do


def test_a_window_that_is_tried_again_is_told_with_its_reason():
    verdict = judge(facts(replace(FLOODED, waits_for="worker", waits_reason="KeyError: 'sku'")), NOW)
    assert (Cause.RETRY, "Shard 3 tries a window again (KeyError: 'sku')") == (verdict.cause, verdict.sentence)
    assert ago(minutes=2) == verdict.since


def test_a_shard_that_waits_for_its_lock_says_for_whom():
    verdict = judge(facts(shard(waits_for="lock", waits_reason="held by worker 7")), NOW)
    assert "Shard 3 waits for its lock (held by worker 7)" == verdict.sentence


@pytest.mark.parametrize(
    ("count", "told"),
    [(2, "Shards 0 and 1 wait for their locks (busy)"), (5, "5 shards wait for their locks (busy)")],
)
def test_several_shards_are_named_or_counted(count, told):
    waiting = [shard(number, waits_for="lock", waits_reason="busy") for number in range(count)]
    assert told == judge(facts(*waiting), NOW).sentence


def test_a_feed_that_floods_is_named_with_those_that_wait_behind_it():
    verdict = judge(facts(FLOODED), NOW)
    told = "Acme sent 91 % of what shard 3 has in hand; Beta and Gamma wait behind it"
    assert (Cause.FLOOD, told, ago(minutes=5)) == (verdict.cause, verdict.sentence, verdict.since)


@pytest.mark.parametrize(
    "calm",
    [replace(FLOODED, neighbours=("Acme",)),
     replace(FLOODED, hands=(Hand("Acme", 50), Hand("Beta", 50))),
     replace(FLOODED, oldest_at=ago(seconds=5))],
)  # fmt: skip
def test_a_feed_that_nobody_waits_behind_or_that_sent_a_part_alone_floods_nothing(calm):
    assert Cause.FLOOD is not judge(facts(calm), NOW).cause


def test_a_feed_of_another_account_has_no_name():
    flooded = replace(FLOODED, hands=(Hand(None, 10),), neighbours=("Beta",))
    told = "A feed of another account sent 100 % of what shard 3 has in hand; Beta waits behind it"
    assert told == judge(facts(flooded), NOW).sentence


def test_more_arriving_than_applied_does_not_catch_up():
    verdict = judge(facts(replace(LATE, pace=Pace(applied=900, growth=0.25))), NOW)
    told = "Arriving 1,200/s, applied 900/s in shard 3: does not catch up"
    assert (Cause.BEHIND, told, ago(minutes=5)) == (verdict.cause, verdict.sentence, verdict.since)


def test_an_age_that_shrinks_is_caught_up_at_a_time_of_the_accounts_zone():
    verdict = judge(facts(replace(LATE, pace=Pace(applied=900, growth=-0.25))), NOW)
    assert "Arriving 720/s, applied 900/s in shard 3: caught up at about 15:20" == verdict.sentence


def test_what_is_too_new_to_tell_is_said_to_be_so():
    assert "too little was applied lately" in judge(facts(LATE), NOW).sentence


def test_what_waits_on_purpose_is_not_lag():
    verdict = judge(facts(shard(), deferred=412, released_at=ago(hours=-9), held=1, disabled=2), NOW)
    told = (
        "Nothing lags; waiting on purpose: 412 items are deferred until 00:00 (daily SKU limit), "
        "1 run is held for a decision, 2 feeds are disabled"
    )
    assert (Cause.ON_PURPOSE, told) == (verdict.cause, verdict.sentence)


def test_the_pace_is_of_the_age_now_against_the_first_minutes():
    minutes = [(ago(minutes=6), 5_000, 60.0), (ago(minutes=4), 30_000, 80.0), (ago(minutes=2), 30_000, 100.0)]
    assert Pace(applied=200.0, growth=0.2) == pace_of(minutes, 120.0, NOW)


@pytest.mark.parametrize("minutes", [[], [(ago(minutes=2), 10, 1.0)], [(ago(minutes=9), 10, 1.0)]])
def test_of_too_little_there_is_no_pace(minutes):
    assert None is pace_of(minutes, 60.0, NOW)
