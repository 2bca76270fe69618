"""Addresses that name several servers, a pooler in between, and processes that must agree."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from urllib.parse import urlsplit

import aiormq
import asyncpg
import pytest
from click.testing import CliRunner

from deploy.command.main import main
from deploy.local.processes import free_port
from ingest.amqp.publish import Publisher
from schemas.agreement import agree
from schemas.batches import Batch, Source, new_batch_id
from schemas.errors import Permanent
from schemas.postgres import Session, refuse_shared_sessions
from schemas.topology import shard_queue


@contextmanager
def silent():
    """A server that takes connections and says nothing; yields its host and port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def beside(dsn: str, *hosts: str) -> str:
    """Return an address that names these hosts before its own."""
    parts = urlsplit(dsn)
    login, _, own = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{login}@{','.join((*hosts, own))}").geturl()


async def test_a_silent_first_host_does_not_eat_the_time_of_the_second(database, monkeypatch):
    monkeypatch.setattr("schemas.addresses.EACH_S", 2.0)  # which the second has too, on a busy machine
    with silent() as host:
        connection = await Session("test", {"jit": "off"}).open(beside(database, host), timeout=60)
    assert ("off", "test") == (
        await connection.fetchval("SHOW jit"),
        await connection.fetchval("SHOW application_name"),
    )
    await connection.close()


async def test_a_host_that_takes_no_writes_is_passed_over(database):
    closed = f"127.0.0.1:{free_port()}"
    owner = await asyncpg.connect(database)
    name = await owner.fetchval("SELECT current_database()")
    await owner.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    try:
        with pytest.raises(asyncpg.exceptions.TargetServerAttributeNotMatched):
            await Session("test").open(beside(database, closed))
    finally:
        await owner.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        await owner.close()


async def test_batches_are_published_though_the_first_brokers_of_the_list_are_away(settings, monkeypatch):
    monkeypatch.setattr("schemas.addresses.EACH_S", 60.0)
    gone = f"amqp://u:p@127.0.0.1:{free_port()}/"
    several = settings.model_copy(update={"amqp_url": type(settings.amqp_url)(f"{gone},{gone},{settings.amqp}")})
    async with Publisher(several, "test") as publisher:
        assert publisher.ready() is None


@contextmanager
def pooler(folder, dsn: str, mode: str):
    """pgbouncer before a database; yields the address through it."""
    parts, port = urlsplit(dsn), free_port()
    name = parts.path[1:]
    (folder / "users").write_text(f'"{parts.username}" "{parts.password}"\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n{name} = host={parts.hostname} port={parts.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nunix_socket_dir =\nauth_type = plain\nauth_file = {folder}/users\npool_mode = {mode}\n"
        "server_reset_query = DISCARD ALL\n"
    )
    folder.chmod(0o755)
    for parent in folder.parents[:2]:
        parent.chmod(0o755)
    for file in folder.iterdir():
        file.chmod(0o644)
    user = ("-u", "postgres") if os.getuid() == 0 else ()
    process = subprocess.Popen(
        ["/usr/sbin/pgbouncer", "-q", *user, str(folder / "pgbouncer.ini")], stderr=subprocess.PIPE, text=True
    )
    try:
        while True:
            assert process.poll() is None, process.stderr.read()
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                pass
        yield parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{port}").geturl()
    finally:
        process.terminate()
        process.wait(timeout=60)
        process.stderr.close()


async def test_a_pooler_of_sessions_works_and_keeps_our_settings(database, tmp_path):
    with pooler(tmp_path, database, "session") as address:
        await refuse_shared_sessions(address)
        session = Session("test", {"plan_cache_mode": "force_custom_plan"})
        async with session.pool(address, most=2) as pool:
            for _ in range(2):
                async with pool.acquire() as connection:
                    assert "force_custom_plan" == await connection.fetchval("SHOW plan_cache_mode")


async def test_a_pooler_of_transactions_is_refused_with_one_line(database, tmp_path):
    with (
        pooler(tmp_path, database, "transaction") as address,
        pytest.raises(Permanent, match=r"^DATABASE_URL: the pooler lends sessions by transaction;"),
    ):
        await refuse_shared_sessions(address)


async def test_a_process_with_another_number_of_shards_does_not_start(settings):
    await agree(settings)
    await agree(settings)
    with pytest.raises(Permanent, match=r"^SHARDS is 9 here, and 4 in the fleet of this database: set it to 4, or "):
        await agree(settings.model_copy(update={"shards": 9}))


async def test_a_fleet_that_began_with_another_number_keeps_it_or_is_told_to_name_it(settings):
    async def started(agreed, shards):
        await connection.execute("UPDATE fleet_agreement SET value = $1", str(agreed))
        try:
            return (await agree(settings.model_copy(update={"shards": shards}))).shards
        except Permanent as error:
            return str(error).partition(":")[0]

    await agree(settings)
    connection = await asyncpg.connect(settings.dsn)
    try:
        unset = [await started(agreed, settings.shards) for agreed in (4, 8, 16, 64, 2, 6, 12)]
        named = [await started(agreed, shards) for agreed, shards in ((2, 2), (6, 6), (12, 12), (12, 6))]
    finally:
        await connection.close()

    refused = [f"SHARDS is 4 here, and {agreed} in the fleet of this database" for agreed in (2, 6, 12)]
    assert [4, 8, 16, 64, *refused] == unset
    assert [2, 6, 12, 12] == named


async def test_two_processes_that_start_at_the_same_moment_agree(settings):
    first = await asyncpg.connect(settings.dsn)
    try:
        async with first.transaction():
            await first.execute("INSERT INTO fleet_agreement (name, value) VALUES ('shards', $1)", str(settings.shards))
            second = asyncio.create_task(agree(settings))
            waits = "SELECT 1 FROM pg_locks WHERE NOT granted AND transactionid = pg_current_xact_id()::xid"
            while not await first.fetch(waits):
                assert not second.done(), second
    finally:
        await first.close()

    assert settings.shards == (await second).shards


async def test_the_number_of_shards_changes_while_nothing_runs(settings):
    await agree(settings)

    def run(*arguments):
        address = {"DATABASE_URL": settings.dsn, "AMQP_URL": settings.amqp}
        return CliRunner().invoke(main, ["shards", *arguments], env=address)

    shown = await asyncio.to_thread(run)
    changed = await asyncio.to_thread(run, "--set", "16")
    connection = await asyncpg.connect(settings.dsn)
    await connection.execute(  # and lives as long as the test
        "INSERT INTO workers (id, host, pid, heartbeat_at) VALUES (gen_random_uuid(), 'h', 1, now() + interval '1 h')"
    )
    await connection.close()
    refused = await asyncio.to_thread(run, "--set", "8")

    assert ("4\n", "16\n") == (shown.output, changed.output)
    assert "Error: 1 workers are alive: stop every process of the fleet first\n" == refused.output


@pytest.mark.parametrize("number", [2, 6])
async def test_with_another_number_of_shards_no_feed_is_led_to_where_it_was(settings, number):
    """To a shard that is no more: answered 202, and never applied. To another feeds': sent on, not in order."""
    await agree(settings)

    async def changed(*restored, to=number, amqp_url=settings.amqp):
        address, asked = {"DATABASE_URL": settings.dsn, "AMQP_URL": amqp_url}, ["shards", "--set", str(to), *restored]
        return (await asyncio.to_thread(CliRunner().invoke, main, asked, env=address)).output

    async def post(shards):
        now_ms, of_many = int(time.time() * 1000), settings.model_copy(update={"shards": shards})
        batch = Batch(new_batch_id(7, now_ms, settings.key), 1, 7, now_ms, Source.WEBHOOK, [{"externalId": "a"}])
        async with Publisher(of_many, "test") as publisher:
            await publisher.publish(batch)

    async with aiormq.connect(settings.amqp) as connection:
        channel = await connection.channel()

        async def holds(depth):
            while (await channel.queue_declare(shard_queue(3), passive=True)).message_count != depth:
                pass

        await post(4)
        await holds(1)
        waiting = await changed()
        as_restored = [await changed("--restored", to=shards, amqp_url="") for shards in (number, 4)]
        await channel.queue_purge(shard_queue(3))
        await holds(0)
        told = [await changed(amqp_url=""), await changed()]
        await post(number)
        kept = await channel.queue_purge(shard_queue(1)), await channel.queue_purge(shard_queue(3))

    assert waiting.startswith("Error: batches wait in feedline.shard.003 (1): let the workers apply them first (")
    assert [f"{number}\n", "4\n"] == as_restored
    needed = "Error: slots lead to shards by the number until now: give AMQP_URL, or AMQP_URL_FILE\n"
    assert [needed, f"{number}\n"] == told
    assert (1, 0) == tuple(purged.message_count for purged in kept)


async def test_a_role_says_in_one_line_why_it_does_not_start(settings):
    await agree(settings)
    environment = {"DATABASE_URL": settings.dsn, "AMQP_URL": settings.amqp, "SECRET_KEY": "k" * 32, "SHARDS": "9"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "workers", env=environment, stderr=asyncio.subprocess.PIPE
    )
    _, told = await process.communicate()

    assert 1 == process.returncode
    assert b"cannot start: SHARDS is 9 here, and 4 in the fleet of this database" in told
