"""Several pullers, and pullers that die: a feed is fetched by one at a time, and nothing is applied twice."""

import asyncio
import os
import signal

import aiormq
import pytest
from aiohttp import web
from prometheus_client import REGISTRY

from ingest.pull.main import connected
from schemas.topology import shard_of, shard_queue
from tests.integration.pull.files import csv_of
from tests.integration.pull.processes import TIMEOUT_S, Process

pytestmark = pytest.mark.other_queues
STOCK = {f"A-{n:05}": n for n in range(1, 2_001)}
PARTS = 40


async def waiting(pulling, feed):
    """Return how many messages wait on a feed's shard queue."""
    async with aiormq.connect(pulling.settings.amqp) as connection:
        channel = await connection.channel()
        name = shard_queue(shard_of(feed, pulling.settings.shards))
        return (await channel.queue_declare(name, passive=True)).message_count


@pytest.fixture
async def tight(pulling):
    """Queues that are full after about 10 batches, and a log of every write to a feed variant.

    A quorum queue learns a little late that it is full: with many batches in flight a whole run would slip in.
    """
    pulling.settings = pulling.settings.model_copy(
        update={"queue_max_length": 10, "pull_in_flight": 2, "pull_lease_ms": 60_000}
    )
    await pulling.pool.execute(
        """CREATE TABLE written (external_id text);
           CREATE FUNCTION log_written() RETURNS trigger LANGUAGE plpgsql AS
             $$BEGIN INSERT INTO written VALUES (NEW.external_id); RETURN NULL; END$$;
           CREATE TRIGGER log_written AFTER INSERT OR UPDATE ON feed_variants
             FOR EACH ROW EXECUTE FUNCTION log_written();"""
    )
    return pulling


@pytest.fixture
async def start_process(pulling, warm):
    started = []

    async def start():
        settings = pulling.settings
        secret = {
            "DATABASE_URL": settings.dsn,
            "AMQP_URL": settings.amqp,
            "SECRET_KEY": settings.key.decode(),
            "PULL_ALLOW_NETWORKS": ",".join(settings.pull_allow_networks),
        }
        plain = settings.model_dump(
            include={name for name in type(settings).model_fields if name.upper() not in secret}
        )
        environment = {**os.environ, **{name.upper(): str(value) for name, value in plain.items()}, **secret}
        process = Process(await warm.start(("ingest", "pull"), environment))
        started.append(process)
        await process.event("listening")
        return process

    yield start
    for process in started:
        if process.process.returncode is None:
            process.process.kill()
            await process.process.wait()


def refused():
    return REGISTRY.get_sample_value("feedline_publish_failures_total", {"reason": "full"}) or 0


async def lapse(pulling, run_id):
    """Let the lease of a dead puller's run run out."""
    await pulling.execute("UPDATE runs SET lease_until = now() WHERE id = $1", run_id)


async def written_once(pulling, feed):
    """Whether every item was written exactly once."""
    row = await pulling.execute("SELECT count(*) AS all, count(DISTINCT external_id) AS distinct FROM written")
    return (len(STOCK), len(STOCK)) == (row["all"], row["distinct"])


@pytest.mark.parametrize("forgotten", [False, True])
async def test_a_run_whose_puller_is_killed_goes_on_elsewhere_and_applies_nothing_twice(
    tight, vendor, start_process, tmp_path, forgotten
):
    vendor.files["stock.csv"] = csv_of(STOCK)
    feed = await tight.feed(fetchCleanup="enabled")
    first = await start_process()
    run_id = await tight.queue(feed)
    await tight.stuck(run_id)
    assert -signal.SIGKILL == await first.end(signal.SIGKILL)
    await lapse(tight, run_id)
    if forgotten:  # it died after the confirms and before it kept them
        await tight.execute("UPDATE runs SET batches = 0 WHERE id = $1", run_id)

    elsewhere = tight.settings.model_copy(update={"pull_folder": str(tmp_path / "elsewhere")})
    async with tight.working(), connected(elsewhere, tight.clock) as second:
        task = asyncio.create_task(second.scheduler.run())
        run = await tight.until(run_id, status="succeeded")
        await second.scheduler.drain(5)
        await task

    assert (2, PARTS, {"created": len(STOCK)}) == (run["attempt"], run["batches"], run["counts"])
    assert STOCK == await tight.quantities(feed)
    assert await written_once(tight, feed)


async def test_a_file_that_changed_while_its_puller_was_dead_gets_a_run_of_its_own(
    tight, vendor, start_process, tmp_path
):
    vendor.files["stock.csv"] = csv_of(STOCK)
    feed = await tight.feed()
    first = await start_process()
    run_id = await tight.queue(feed)
    await tight.stuck(run_id)
    await first.end(signal.SIGKILL)
    await lapse(tight, run_id)

    newer = {key: value + 1 for key, value in STOCK.items()}
    vendor.files["stock.csv"] = csv_of(newer)
    elsewhere = tight.settings.model_copy(update={"pull_folder": str(tmp_path / "elsewhere")})
    async with tight.working(), connected(elsewhere, tight.clock) as second:
        task = asyncio.create_task(second.scheduler.run())
        changed = await tight.until(run_id, status="failed")
        await tight.until(run_id + 1, status="succeeded", trigger="changed")
        await second.scheduler.drain(5)
        await task

    assert "changed" == changed["error_code"]
    assert newer == await tight.quantities(feed)


async def test_a_puller_that_is_told_to_stop_hands_its_run_over_at_once(tight, vendor, start_process):
    vendor.files["stock.csv"] = csv_of(STOCK)
    tight.settings = tight.settings.model_copy(update={"pull_lease_ms": 60_000, "stop_timeout_ms": 1_000})
    feed = await tight.feed()
    first = await start_process()
    run_id = await tight.queue(feed)
    await tight.stuck(run_id)

    assert 0 == await first.end(signal.SIGTERM)
    handed = await tight.row(run_id)
    async with tight.working(), connected(tight.settings, tight.clock) as second:
        run = await tight.carry_out(second, run_id)

    assert ("fetching", None, 0) == (handed["status"], handed["lease_owner"], handed["attempt"])
    assert ("succeeded", {"created": len(STOCK)}) == (run["status"], run["counts"])
    assert await written_once(tight, feed)


async def test_a_puller_whose_lease_is_taken_publishes_nothing_more(tight, vendor):
    vendor.files["stock.csv"] = csv_of(STOCK)
    feed = await tight.feed()
    quick = tight.settings.model_copy(update={"pull_lease_ms": 9_000})  # looked after every three seconds
    async with connected(quick, tight.clock) as first:
        run_id, before = await tight.queue(feed), refused()
        await first.scheduler.turn()
        async with asyncio.timeout(TIMEOUT_S):
            while refused() == before:  # noqa: ASYNC110 - the queue is full then, and stays so
                await asyncio.sleep(0.02)
        published = await waiting(tight, feed)

        await tight.execute(
            "UPDATE runs SET attempt = attempt + 1, lease_owner = gen_random_uuid() WHERE id = $1", run_id
        )
        async with asyncio.timeout(TIMEOUT_S):
            await first.scheduler.idle()
        row = await tight.row(run_id)
        left = await waiting(tight, feed)

    # What was in flight may have arrived; the rest of the 40 parts never does, though there is room again.
    assert ("fetching", 2) == (row["status"], row["attempt"])
    assert published <= left <= published + tight.settings.pull_in_flight < PARTS
    async with tight.working(), asyncio.timeout(TIMEOUT_S):
        while await waiting(tight, feed):  # noqa: ASYNC110 - the broker gives no signal
            await asyncio.sleep(0.02)
    assert (await tight.execute("SELECT count(*) FROM receipts WHERE run_id = $1", run_id))["count"] <= left


async def test_two_pullers_fetch_a_feed_once(pulling, vendor, worker):
    asked = asyncio.Event()
    go_on = asyncio.Event()

    async def slow(request):
        assert not asked.is_set(), "fetched twice"
        asked.set()
        await go_on.wait()
        return vendor_answer(csv_of({"A": 1}))

    vendor.files["stock.csv"] = slow
    feed = await pulling.feed()
    async with connected(pulling.settings, pulling.clock) as first, connected(pulling.settings, pulling.clock) as other:
        run_id = await pulling.queue(feed)
        await asyncio.gather(first.scheduler.turn(), other.scheduler.turn())
        await asked.wait()
        await asyncio.gather(first.scheduler.turn(), other.scheduler.turn())
        go_on.set()
        await asyncio.gather(first.scheduler.idle(), other.scheduler.idle())

    assert ("succeeded", 1) == ((await pulling.row(run_id))["status"], (await pulling.row(run_id))["attempt"])


async def test_a_long_run_keeps_its_lease(pulling, vendor, worker):
    pulling.settings = pulling.settings.model_copy(update={"pull_lease_ms": 9_000})
    go_on = asyncio.Event()

    async def slow(_):
        await go_on.wait()
        return vendor_answer(csv_of({"A": 1}))

    vendor.files["stock.csv"] = slow
    feed = await pulling.feed()
    async with connected(pulling.settings, pulling.clock) as first:
        run_id = await pulling.queue(feed)
        await first.scheduler.turn()
        claimed = (await pulling.row(run_id))["lease_until"]
        await pulling.until(run_id, lease_until=lambda until: until != claimed)
        go_on.set()
        await first.scheduler.idle()

    assert ("succeeded", 1) == ((await pulling.row(run_id))["status"], (await pulling.row(run_id))["attempt"])


async def test_a_run_in_progress_is_cancelled_within_a_moment(tight, vendor):
    vendor.files["stock.csv"] = csv_of(STOCK)
    feed = await tight.feed()
    tight.settings = tight.settings.model_copy(update={"pull_lease_ms": 1_800_000})
    async with connected(tight.settings, tight.clock) as puller:
        listening = asyncio.create_task(puller.scheduler.wake.listen(tight.settings.dsn))
        await asyncio.wait_for(puller.scheduler.wake._event.wait(), TIMEOUT_S)
        run_id = await tight.queue(feed)
        await puller.scheduler.turn()
        await tight.stuck(run_id)

        await tight.cancel(run_id)
        async with asyncio.timeout(TIMEOUT_S):  # far less than the heartbeat's 10 minutes
            await puller.scheduler.idle()
        listening.cancel()

    row = await tight.row(run_id)
    assert ("cancelled", "cancelled") == (row["status"], row["error_code"])
    assert 0 < row["batches"] < PARTS


def vendor_answer(text):
    return web.Response(text=text)


@pytest.mark.parametrize("server", ["postgres", "rabbitmq"])
async def test_a_run_goes_on_when_a_server_comes_back(tight, vendor, request, server):
    vendor.files["stock.csv"] = csv_of(STOCK)
    feed = await tight.feed()
    stopped = request.getfixturevalue(server)
    quick = tight.settings.model_copy(update={"pull_lease_ms": 2_000})  # taken again soon when it was lost meanwhile
    async with connected(quick, tight.clock) as puller:
        scheduling = asyncio.create_task(puller.scheduler.run())
        run_id = await tight.queue(feed)
        puller.scheduler.wake.set()
        await tight.stuck(run_id)

        whole = server == "postgres"
        await asyncio.to_thread(stopped.stop if whole else stopped.stop_app)
        await asyncio.to_thread(stopped.start if whole else stopped.start_app)
        async with tight.working():
            run = await tight.until(run_id, status="succeeded")
        await puller.scheduler.drain(5)
        await scheduling

    assert ({"created": len(STOCK)}, PARTS) == (run["counts"], run["batches"])
    assert await written_once(tight, feed)
