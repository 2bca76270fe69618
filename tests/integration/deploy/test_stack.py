"""The local stack over servers that are there, and what it refuses to start with; the rest are acceptance tests."""

from __future__ import annotations

import socket

from tests.acceptance.launcher import Launcher


async def run_in_vain(warm, launcher):
    """Do as the launcher does where it is expected to refuse; return its exit code and what it says."""
    return await warm.feedline(launcher.environment(), *launcher.command()[3:])


def test_real_servers_are_used_instead_of_private_ones(tmp_path, database, amqp_url):
    brokers = f"amqp://127.0.0.1:1/,{amqp_url}"  # the first one is away
    launcher = Launcher(tmp_path, DATABASE_URL=database, AMQP_URL=brokers, EDGE_PROCESSES="1", MONITORING="")
    try:
        stack = launcher.start().stack
        assert (database, brokers) == (stack["databaseUrl"], stack["amqpUrl"])
        assert ([], []) == (stack["pids"]["postgres"], stack["pids"]["rabbitmq"])
        assert not (tmp_path / ".local" / "postgres").exists()
        assert not (tmp_path / ".local" / "rabbitmq").exists()
    finally:
        launcher.stop()


async def test_a_setting_that_cannot_be_used_is_named_in_one_line(tmp_path, warm):
    code, words = await run_in_vain(warm, Launcher(tmp_path, EDGE_PROCESSES="many"))
    assert 1 == code
    (line,) = [line for line in words.splitlines() if "EDGE_PROCESSES" in line]
    assert "valid integer" in line


async def test_a_database_that_cannot_be_reached_is_named_without_its_password(tmp_path, warm):
    nowhere = "postgresql://somebody:hush@127.0.0.1:1/feedline"
    code, words = await run_in_vain(
        warm, Launcher(tmp_path, DATABASE_URL=nowhere, AMQP_URL="amqp://somebody:hush@127.0.0.1:1/")
    )
    assert 1 == code
    assert "DATABASE_URL: " in words
    assert "hush" not in words


async def test_a_port_that_was_asked_for_and_is_taken_is_refused(tmp_path, warm):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, words = await run_in_vain(warm, Launcher(tmp_path, PORT=str(port)))
    assert 1 == code
    assert f"PORT: port {port} of 127.0.0.1 cannot be used" in words
