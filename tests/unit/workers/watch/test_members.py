"""What nodes tell in their metrics: members, leaders, alarms, and what queues hold where AMQP does not say."""

from __future__ import annotations

import pytest
import structlog
from aiohttp import ClientSession, web

from schemas import metrics
from schemas.division import Division
from schemas.settings import Settings
from workers.amqp.nodes import Nodes, Told, told, vhost_of, warn_of_few_members
from workers.watch.lateness import Queue
from workers.watch.members import look_at_nodes

FIRST = """\
# TYPE rabbitmq_detailed_raft_log_commit_index gauge
rabbitmq_detailed_raft_log_commit_index{vhost="/",queue="feedline.shard.000"} 4
rabbitmq_detailed_raft_log_commit_index{vhost="/",queue="feedline.shard.001"} 4
rabbitmq_detailed_raft_log_commit_index{vhost="other",queue="feedline.shard.002"} 4
# TYPE rabbitmq_detailed_queue_messages_ready gauge
rabbitmq_detailed_queue_messages_ready{vhost="/",queue="feedline.shard.001"} 2
rabbitmq_detailed_queue_messages_ready{vhost="other",queue="feedline.shard.002"} 9
# TYPE rabbitmq_detailed_queue_consumers gauge
rabbitmq_detailed_queue_consumers{vhost="/",queue="feedline.shard.001"} 3
# TYPE rabbitmq_alarms_memory_used_watermark untyped
rabbitmq_alarms_memory_used_watermark 1
"""
SECOND = """\
# TYPE rabbitmq_detailed_raft_log_commit_index gauge
rabbitmq_detailed_raft_log_commit_index{vhost="/",queue="feedline.shard.000"} 4
# TYPE rabbitmq_detailed_queue_messages_ready gauge
rabbitmq_detailed_queue_messages_ready{vhost="/",queue="feedline.shard.000"} 7
"""


@pytest.fixture
def look(asked):
    """Looks at nodes that answer with these texts."""

    async def seen(*texts):
        settings = await asked(*texts)
        async with ClientSession() as http:
            seeing, queues = await look_at_nodes(Nodes(http, settings), Division(2))
        names = {url.rpartition("//")[2]: number for number, url in enumerate(settings.rabbitmq_metrics_urls)}
        return seeing, queues, names

    return seen


@pytest.fixture
async def asked():
    """Settings that name nodes which answer with these texts, None for one that refuses."""
    runners = []

    async def served(text):
        async def answer(_):
            return web.Response(text=text) if text is not None else web.Response(status=403)

        app = web.Application()
        app.router.add_get("/metrics/detailed", answer)
        app.router.add_get("/metrics", empty)
        runner = web.AppRunner(app)
        await runner.setup()
        runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0]
        return f"http://{host}:{port}"

    async def empty(_):
        return web.Response()

    async def settings(*texts, **others):
        urls = ",".join([await served(text) for text in texts])
        return Settings(
            database_url="x", amqp_url="amqp://h", secret_key="k" * 32, shards=2, rabbitmq_metrics_urls=urls, **others
        )

    yield settings
    for runner in runners:
        await runner.cleanup()


def test_a_node_tells_its_members_what_it_leads_and_its_alarms_of_its_own_virtual_host():
    assert Told(
        {"feedline.shard.000", "feedline.shard.001"},
        {"feedline.shard.001": 2},
        {"feedline.shard.001": 3},
        {"memory": 1.0},
    ) == told(FIRST, "/")


@pytest.mark.parametrize(
    ("vhost", "address"),
    [
        ("/", "amqp://u:p@h"),
        ("/", "amqp://u:p@h:5672/%2F"),
        ("a/b", "amqp://u:p@one/a%2Fb,amqp://u:p@two/a%2Fb"),
    ],
)
def test_the_virtual_host_is_that_of_the_address(vhost, address):
    assert vhost == vhost_of(address)


async def test_members_are_counted_over_the_nodes_and_the_leaders_tell_what_the_queues_hold(look):
    seeing, queues, names = await look(FIRST, SECOND)

    assert [(("0",), 2.0), (("1",), 1.0)] == seeing[metrics.SHARD_MEMBERS]
    assert {("0", 1), ("1", 0)} == {(shard, names[node]) for (shard, node), _ in seeing[metrics.SHARD_LEADER]}
    assert [((), 2.0)] == seeing[metrics.BROKER_NODES]
    assert {0: Queue(7, 0), 1: Queue(2, 3)} == queues


async def test_a_node_that_is_away_is_a_member_less_and_its_queues_are_not_guessed(look):
    seeing, queues, _ = await look(FIRST, None)

    assert [(("0",), 1.0), (("1",), 1.0)] == seeing[metrics.SHARD_MEMBERS]
    assert [((), 2.0)] == seeing[metrics.BROKER_NODES]
    assert None is queues


async def test_where_no_node_answers_nothing_is_said_of_members_so_nobody_is_woken(look):
    assert ({}, None) == (await look(None, None))[:2]
    assert ({}, None) == (await look())[:2]


@pytest.mark.parametrize(
    ("few", "texts", "members"),
    [
        ([{"wanted": 2, "nodes": 2, "queues": ["feedline.shard.001"]}], (FIRST, SECOND), 0),
        ([{"wanted": 2, "nodes": 1, "queues": ["feedline.shard.000", "feedline.shard.001"]}], (FIRST, None), 0),
        ([{"wanted": 3, "nodes": 1, "queues": []}], ("",), 3),
        ([], (FIRST,), 1),
        ([], (None,), 3),
        ([], (), 3),
    ],
)
async def test_a_start_below_the_members_that_are_wanted_is_warned_of(asked, few, texts, members):
    settings = await asked(*texts, broker_members=members)
    with structlog.testing.capture_logs() as logs:
        await warn_of_few_members(settings)

    warned = [line for line in logs if line["event"] == "too_few_members"]
    assert few == [{name: line[name] for name in ("wanted", "nodes", "queues")} for line in warned]


async def test_the_members_that_are_wanted_are_told_to_the_monitor(asked):
    settings = await asked(FIRST, broker_members=3)
    async with ClientSession() as http:
        seeing, _ = await look_at_nodes(Nodes(http, settings), Division(2))

    assert [((), 3.0)] == seeing[metrics.BROKER_NODES]
