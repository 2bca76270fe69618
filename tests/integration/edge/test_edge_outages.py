"""The webhook endpoint when what it needs is away, full, slow or changing."""

import asyncio

import aiohttp
import aiormq
import asyncpg
import pytest

from schemas.topology import shard_queue

ITEM = {"externalId": "1234", "vendorSku": "1234", "inventoryQuantity": 10}


async def until_answers(edge, expected, webhook_hash="hash-1"):
    """Post until the answer is as expected; returns it."""
    async with asyncio.timeout(120):
        while True:
            status, answer, _ = await edge.post(ITEM, webhook_hash)
            if status == expected:
                return answer
            await asyncio.sleep(0.01)


async def test_a_post_whose_queue_was_deleted_is_held_until_it_is_made_again(edge):
    async with aiormq.connect(edge.settings.amqp) as connection:
        await (await connection.channel()).queue_delete(shard_queue(1))

    assert 202 == (await edge.post(ITEM))[0]
    assert (1, 0) == (await edge.waiting(), edge.posts.places.posts)


@pytest.mark.other_queues
async def test_a_full_queue_is_503_and_what_was_accepted_is_on_it(running_edge, edge_settings, seeded):
    async with running_edge(edge_settings.model_copy(update={"queue_max_length": 1})) as edge:
        accepted = 0
        async with asyncio.timeout(120):  # the broker's limit is soft: some more than one are taken
            while (answered := await edge.post(ITEM))[0] == 202:
                accepted += 1

        status, answer, headers = answered
        assert (503, "edge.queue.full") == (status, answer["title"])
        assert headers["Retry-After"].isdigit()
        assert accepted == await edge.waiting()


async def test_a_blocked_broker_is_503_until_it_is_not(edge, rabbitmq, until, impatient):
    # The second call comes back when the node has taken note of the first.
    rabbitmq.evaluate("{rabbit_alarm:set_alarm({{resource_limit, memory, node()}, []}), rabbit_alarm:get_alarms()}")
    try:
        # The broker tells when the first message arrives; on a busy machine that may be after the confirm was due.
        with impatient(2):
            first = asyncio.create_task(edge.post(ITEM))
            await until(lambda: edge.publisher.ready() is not None)
        status, answer, _ = await edge.post(ITEM)
        assert (503, "edge.queue.blocked") == (status, answer["title"])
        assert 503 == (await first)[0]
        async with edge.client.get(edge.url + "/readyz") as response:
            assert 503 == response.status
    finally:
        rabbitmq.evaluate("rabbit_alarm:clear_alarm({resource_limit, memory, node()})")
    await until(lambda: edge.publisher.ready() is None)
    assert 202 == (await edge.post(ITEM))[0]


async def test_a_late_confirm_is_503_and_keeps_its_place_until_it_comes(edge, suspended, until):
    with suspended():
        status, answer, _ = await edge.post(ITEM)
        held = edge.posts.places.posts

    assert (503, "edge.queue.timeout") == (status, answer["title"])
    assert 1 == held  # the broker has not settled it
    await until(lambda: edge.posts.places.posts == 0)
    assert 0 == edge.posts.places.bytes


async def test_a_stopped_broker_is_503_and_posts_go_on_when_it_is_back(edge, rabbitmq, until):
    await asyncio.to_thread(rabbitmq.stop_app)
    try:
        status, answer, _ = await edge.post(ITEM)
        assert (503, "edge.queue.disconnected") == (status, answer["title"])
    finally:
        await asyncio.to_thread(rabbitmq.start_app)
    await until(lambda: edge.publisher.ready() is None)
    assert 202 == (await edge.post(ITEM))[0]


async def test_with_postgres_down_posts_are_accepted_and_changes_are_seen_when_it_is_back(
    edge, postgres, database, until
):
    await asyncio.to_thread(postgres.stop)
    try:
        await until(lambda: edge.feeds.trouble is not None)
        assert 202 == (await edge.post(ITEM))[0]
        status, answer, headers = await edge.post(ITEM, "nobody")  # it may be a new one: nobody can know
        assert (503, "edge.hash.unsure", "2") == (status, answer["title"], headers["Retry-After"])
    finally:
        await asyncio.to_thread(postgres.start)
    connection = await asyncpg.connect(database)
    await connection.execute("UPDATE inventory_feeds SET hash = 'moved' WHERE id = 1")
    await connection.close()
    await until(lambda: edge.feeds.trouble is None)
    await until(lambda: edge.feeds.current.size == 3)
    await until_answers(edge, 202, "moved")


async def test_a_change_of_the_feeds_is_seen_at_once_and_a_rotated_hash_stays_valid(
    running_edge, edge_settings, seeded, until
):
    async with running_edge(edge_settings) as edge:  # its poll is 30 s: this is the notice
        await seeded.execute(
            "UPDATE inventory_feeds SET previous_hash = hash, hash = 'rotated', "
            "previous_hash_until = now() + interval '1 hour' WHERE id = 1"
        )
        await until(lambda: edge.feeds.current.size == 4)

        assert [202, 202] == [(await edge.post(ITEM, name))[0] for name in ("rotated", "hash-1")]

        await seeded.execute("UPDATE inventory_feeds SET previous_hash_until = now() - interval '1 s' WHERE id = 1")
        assert "edge.hash.expired" == (await until_answers(edge, 401))["title"]


async def test_before_the_feeds_were_read_posts_are_503_not_401(running_edge, edge_settings):
    nowhere = edge_settings.model_copy(
        update={"database_url": type(edge_settings.database_url)("postgresql://u:p@127.0.0.1:1/x")}
    )
    async with running_edge(nowhere, read=False) as edge:
        status, answer, headers = await edge.post(ITEM)

        assert (503, "edge.feeds.unknown") == (status, answer["title"])
        assert "Retry-After" in headers


async def test_what_is_in_flight_is_finished_before_the_edge_stops(
    running_edge, edge_settings, seeded, rabbitmq, until
):
    process = f"'{edge_settings.amqp.rpartition('/')[2]}_{shard_queue(1)}'"
    async with aiohttp.ClientSession() as client:
        async with running_edge(edge_settings) as edge:
            rabbitmq.evaluate(f"sys:suspend({process})")
            own, edge.client = edge.client, client
            waiting = asyncio.create_task(edge.post(ITEM))
            await until(lambda: edge.publisher._wire.in_flight == 1)
            asyncio.get_running_loop().call_later(0.2, rabbitmq.evaluate, f"sys:resume({process})")
        assert 202 == (await waiting)[0]
        await own.close()


async def test_an_unexpected_failure_is_500_and_says_nothing_of_its_inside(edge, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(edge.publisher, "send", broken)

    status, answer, _ = await edge.post(ITEM)

    assert (500, "edge.internal", 0) == (status, answer["title"], edge.posts.places.posts)
    assert "hunter2" not in answer["detail"]
