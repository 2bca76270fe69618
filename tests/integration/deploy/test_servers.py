"""The private servers that the tests and the local stack run on."""

from __future__ import annotations

import asyncio
import ipaddress
from pathlib import Path
from urllib.parse import urlsplit

import aio_pika
import asyncpg
import psycopg
import pytest

from deploy.local.postgres import Postgres
from deploy.migrate import migrate
from tests.vhosts import VirtualHosts


def test_a_fresh_database_has_all_tables(database):
    with psycopg.connect(database) as connection:
        assert (0,) == connection.execute("SELECT count(*) FROM feed_variants").fetchone()


def test_migrating_twice_applies_nothing_twice(database):
    assert [] == migrate(database)


def test_data_survives_a_crash_of_postgres(postgres):
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS answer")
    postgres.kill()
    postgres.start()
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        assert (1,) == connection.execute("SELECT answer FROM kept").fetchone()
        connection.execute("DROP TABLE kept")


def test_postgres_asks_for_the_password(postgres):
    with pytest.raises(psycopg.OperationalError, match="authentication failed"):
        psycopg.connect(postgres.dsn.replace(urlsplit(postgres.dsn).password, "wrong"))


async def test_settings_lead_to_both_servers(settings):
    connection = await asyncpg.connect(settings.dsn)
    await connection.close()
    async with await aio_pika.connect(settings.amqp) as broker:
        assert not broker.is_closed


async def test_a_message_survives_a_restart_of_rabbitmq(rabbitmq, amqp_url):
    async with await aio_pika.connect(amqp_url) as broker:
        channel = await broker.channel()
        await channel.declare_queue("kept", durable=True, arguments={"x-queue-type": "quorum"})
        await channel.default_exchange.publish(aio_pika.Message(b"body", delivery_mode=2), "kept")
    rabbitmq.stop()
    rabbitmq.start()
    async with await aio_pika.connect(amqp_url) as broker:
        queue = await (await broker.channel()).get_queue("kept")
        async with asyncio.timeout(60), queue.iterator() as messages:  # as soon as the queue has a leader again
            message = await anext(messages)
            assert b"body" == message.body
            await message.ack()


@pytest.mark.usefixtures("two_shards")
async def test_a_node_declares_queues_though_many_that_dead_letter_ended_at_once(rabbitmq):
    workers = "[Pid || {_, Pid, _, _} <- supervisor:which_children(rabbit_fifo_dlx_sup), is_pid(Pid)]"
    # Each comes when its queue has a leader.
    async with asyncio.timeout(120):
        while "true" != rabbitmq.evaluate(f"length({workers}) >= 2"):  # noqa: ASYNC110 - another process has no event
            await asyncio.sleep(0)

    rabbitmq.evaluate(f"[exit(Pid, kill) || Pid <- {workers}]")

    url = await VirtualHosts(rabbitmq, shards=2).take()
    rabbitmq.delete_vhost(url)


async def test_guest_does_not_exist_on_the_private_node(rabbitmq):
    with pytest.raises(aio_pika.exceptions.ProbableAuthenticationError):
        await aio_pika.connect(f"amqp://guest:guest@127.0.0.1:{rabbitmq.port}/")


LISTENING = "0A"  # man 5 proc_net, include/net/tcp_states.h


def listening(*ports):
    """Return (port, address) of every socket of this machine that listens on these ports."""
    found = set()
    for table, size in (("tcp", 4), ("tcp6", 16)):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            address, port = local.split(":")
            if state == LISTENING and int(port, 16) in ports:
                words = (bytes.fromhex(address[at : at + 8])[::-1] for at in range(0, size * 2, 8))
                found.add((int(port, 16), ipaddress.ip_address(b"".join(words))))
    return found


def test_the_private_servers_listen_on_loopback_alone(rabbitmq, postgres):
    ports = {rabbitmq.port, rabbitmq.distribution_port, urlsplit(postgres.dsn).port}

    found = listening(*ports)

    assert ports == {port for port, _ in found}
    assert [] == [str(address) for _, address in found if not address.is_loopback]


def test_a_cluster_whose_password_is_lost_is_never_replaced(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "PG_VERSION").write_text("15\n")

    with pytest.raises(
        RuntimeError, match="data is there, and the file password beside it is not; nothing was changed"
    ):
        Postgres(tmp_path).prepare()

    assert [tmp_path / "data", tmp_path / "data" / "PG_VERSION"] == sorted(tmp_path.rglob("*"))
