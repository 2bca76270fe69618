"""When feeds are fetched: by schedule, by back-off, not at all; over a clock that the tests move."""

import asyncio
from datetime import timedelta

from prometheus_client import REGISTRY

from ingest.pull.main import connected, private_folder
from tests.integration.pull.files import csv_of

TIMEOUT_S = 120


def alerts(kind):
    return REGISTRY.get_sample_value("feedline_feed_alerts_total", {"alert": kind}) or 0


async def turn(pulling, puller):
    async with asyncio.timeout(TIMEOUT_S):
        await puller.scheduler.turn()
        await puller.scheduler.idle()


async def latest(pulling, feed):
    return dict(await pulling.execute("SELECT * FROM runs WHERE feed_id = $1 ORDER BY id DESC LIMIT 1", feed) or {})


async def next_fetch(pulling, feed):
    return (await pulling.state(feed))["next_fetch_at"]


async def test_an_hourly_feed_is_fetched_at_its_own_minute_of_each_hour(pulling, puller, worker, vendor):
    vendor.files["stock.csv"] = csv_of({"A": 1})
    feed = await pulling.feed(fetchFrequency="hourly")

    planned = pulling.now
    await turn(pulling, puller)
    first = await next_fetch(pulling, feed)
    before = await latest(pulling, feed)
    pulling.now = first
    await turn(pulling, puller)

    assert {} == before
    assert timedelta(0) < first - planned <= timedelta(hours=1)
    run = await latest(pulling, feed)
    assert ("succeeded", "schedule") == (run["status"], run["trigger"])
    assert first + timedelta(hours=1) == await next_fetch(pulling, feed)


async def test_a_feed_is_planned_again_when_it_or_its_accounts_time_zone_changes(pulling, puller):
    feed = await pulling.feed(fetchFrequency="custom", fetchCron="30 4 * * *")
    await turn(pulling, puller)
    utc = await next_fetch(pulling, feed)

    await pulling.execute("UPDATE accounts SET time_zone = 'Europe/Berlin'")
    await turn(pulling, puller)
    berlin = await next_fetch(pulling, feed)
    await pulling.execute("UPDATE inventory_feeds SET enabled = false, updated_at = now() WHERE id = $1", feed)
    await turn(pulling, puller)

    assert timedelta(hours=2) == utc - berlin
    assert None is await next_fetch(pulling, feed)


async def test_a_feed_with_automated_fetching_off_is_never_due(pulling, puller):
    feed = await pulling.feed(fetchFrequency="hourly", automatedFetching="disabled")

    await turn(pulling, puller)

    assert None is await next_fetch(pulling, feed)


async def test_settings_that_cannot_be_read_stop_only_their_own_feed(pulling, puller, worker, vendor):
    vendor.files["stock.csv"] = csv_of({"A": 1})
    broken = await pulling.feed(fetchFrequency="sometimes")
    sound = await pulling.feed()

    run = await pulling.run(puller, sound)
    failed = await pulling.run(puller, broken)

    assert ("succeeded", "failed") == (run["status"], failed["status"])


async def test_a_failing_feed_backs_off_is_flagged_and_recovers(pulling, puller, worker, vendor):
    told = alerts("feed_failing")
    vendor.files["stock.csv"] = 404
    feed = await pulling.feed(fetchFrequency="hourly")
    await turn(pulling, puller)

    waits = []
    for _ in range(4):
        pulling.now = await next_fetch(pulling, feed)
        await turn(pulling, puller)
        waits.append(await next_fetch(pulling, feed) - pulling.now)
    failing = await pulling.state(feed)
    vendor.files["stock.csv"] = csv_of({"A": 1})
    pulling.now = await next_fetch(pulling, feed)
    await turn(pulling, puller)
    sound = await pulling.state(feed)

    assert waits == sorted(waits)
    assert timedelta(minutes=3) < waits[0] <= timedelta(minutes=5)
    assert ("failed", 4) == (failing["last_run_status"], failing["failures"])
    assert failing["failing_since"] is not None
    assert 2 == alerts("feed_failing") - told  # from the third failure on
    assert ("succeeded", 0, None) == (sound["last_run_status"], sound["failures"], sound["failing_since"])


async def test_a_feed_that_has_been_failing_for_days_is_disabled_with_its_reason(pulling, puller, worker, vendor):
    vendor.files["stock.csv"] = 404
    feed = await pulling.feed(fetchFrequency="hourly")
    await pulling.run(puller, feed)

    pulling.later(days=7)
    await turn(pulling, puller)
    row = await pulling.execute("SELECT enabled, disabled_reason FROM inventory_feeds WHERE id = $1", feed)
    due = await next_fetch(pulling, feed)
    await pulling.execute("UPDATE inventory_feeds SET enabled = true, updated_at = now() WHERE id = $1", feed)
    await turn(pulling, puller)
    state = await pulling.state(feed)

    assert (False, None) == (row["enabled"], due)
    assert row["disabled_reason"].startswith("no usable file since 2026-05-04 10:20 UTC (7 days): ")
    assert (0, None, None) == (state["failures"], state["failing_since"], state["disabled_at"])
    assert state["next_fetch_at"] > pulling.now


async def test_a_feed_that_has_been_empty_for_days_is_disabled_too(pulling, puller, worker, vendor):
    vendor.files["stock.csv"] = csv_of({})
    feed = await pulling.feed()
    await pulling.run(puller, feed)
    pulling.later(days=8)
    await pulling.run(puller, feed)

    row = await pulling.execute("SELECT enabled, disabled_reason FROM inventory_feeds WHERE id = $1", feed)
    assert (False, True) == (row["enabled"], "the file holds no rows" in row["disabled_reason"])


async def test_a_queued_run_wakes_a_sleeping_puller(pulling, worker, vendor, puller):
    vendor.files["stock.csv"] = csv_of({"A": 1})
    feed = await pulling.feed()
    puller.scheduler._settings = pulling.settings.model_copy(update={"pull_poll_ms": 600_000})
    tasks = [
        asyncio.create_task(puller.scheduler.wake.listen(pulling.settings.dsn)),
        asyncio.create_task(puller.scheduler.run()),
    ]
    await pulling.until(await pulling.queue(feed), status="succeeded")  # found by itself, or by the notice

    await pulling.until(await pulling.queue(feed), status="not modified")

    await puller.scheduler.drain(1)
    tasks[0].cancel()
    await asyncio.wait(tasks)


async def test_late_receipts_are_counted_in_after_the_run(pulling, vendor):
    vendor.files["stock.csv"] = csv_of({"A": 1, "B": 2})
    pulling.settings = pulling.settings.model_copy(update={"pull_settle_ms": 50})
    feed = await pulling.feed(fetchCleanup="enabled")
    async with connected(pulling.settings, pulling.clock) as puller:
        run = await pulling.run(puller, feed)
        async with pulling.working(), asyncio.timeout(TIMEOUT_S):
            while {} == await pulling.quantities(feed):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        pulling.later(minutes=5)
        await puller.scheduler.turn()

    assert ("partial", {}, False) == (run["status"], run["counts"], run["settled"])
    assert "1 of 1 batches are not applied yet; counts follow" == run["note"]
    after = await pulling.row(run["id"])
    assert ({"created": 2}, True) == (after["counts"], after["settled"])


async def test_accounts_take_turns_and_what_is_asked_for_by_hand_comes_first_among_equals(pulling, puller):
    await pulling.execute("INSERT INTO accounts (id, name) VALUES (2, 'second')")
    feeds = [await pulling.feed() for _ in range(4)]
    other = [await pulling.feed() for _ in range(2)]
    await pulling.execute("UPDATE inventory_feeds SET account_id = 2 WHERE id = ANY($1)", other)
    for feed in (*feeds, *other):
        account, trigger = (2, "schedule") if feed in other else (1, "manual" if feed == feeds[3] else "schedule")
        await pulling.execute(
            "INSERT INTO runs (account_id, feed_id, trigger) VALUES ($1, $2, $3)", account, feed, trigger
        )

    first = [run.feed_id for run in await puller.store.claim(3, 60)]
    second = [run.feed_id for run in await puller.store.claim(2, 60)]

    assert {feeds[3], feeds[0], other[0]} == set(first)
    assert {feeds[1], other[1]} == set(second)  # the second account's turn comes before the first one's fourth


async def test_a_run_that_met_with_trouble_of_the_disk_is_tried_again_and_told_as_such(
    pulling, puller, worker, vendor, monkeypatch
):
    vendor.files["stock.csv"] = csv_of({"A": 1})
    monkeypatch.setattr("ingest.pull.run.carrier._FIRST_PAUSE_S", 0.0)
    feed = await pulling.feed()
    folder = private_folder(pulling.settings)
    run_id = await pulling.queue(feed)
    for attempt in range(1, 7):
        (folder / f"feedline-run-{run_id}-{attempt}").touch()  # where its parts should go

    rows = [await pulling.carry_out(puller, run_id) for _ in range(5)]

    assert ["fetching"] * 4 + ["failed"] == [row["status"] for row in rows]
    assert ("disk", [1, 2, 3, 4, 5]) == (rows[-1]["error_code"], [row["attempt"] for row in rows])
    assert "the puller's disk: File exists" in rows[-1]["error"]


async def test_old_runs_are_forgotten_but_the_last_one(pulling, puller, worker, vendor):
    vendor.files["stock.csv"] = csv_of({"A": 1})
    feed = await pulling.feed()
    first = await pulling.run(puller, feed)
    last = await pulling.run(puller, feed)
    await pulling.execute("UPDATE runs SET ended_at = '2020-01-01'")

    pulling.later(minutes=5)
    await turn(pulling, puller)

    assert [last["id"]] == [row["id"] for row in await pulling.rows("SELECT id FROM runs")]
    assert first["id"] != last["id"]
