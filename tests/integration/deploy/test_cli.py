"""The command line as operators use it."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import psycopg
import pytest
from aiohttp import web
from click.testing import CliRunner

from deploy.command.main import main
from deploy.local.processes import free_port
from schemas import monitor


@pytest.fixture
def run():
    return lambda *arguments, **environment: CliRunner().invoke(main, arguments, env=environment)


def test_migrate_brings_an_empty_database_to_the_newest_shape_once(run, postgres):
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute("CREATE DATABASE empty")
        first = run("migrate", DATABASE_URL=postgres.dsn_of("empty"))
        second = run("migrate", DATABASE_URL=postgres.dsn_of("empty"))
        connection.execute("DROP DATABASE empty WITH (FORCE)")
    assert first.output.startswith("applied 0001.core\n")
    assert (0, "nothing to apply\n") == (second.exit_code, second.output)


def test_migrate_check_tells_what_the_database_lacks_until_it_has_it(run, postgres):
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute("CREATE DATABASE behind")
        before = run("migrate", "--check", DATABASE_URL=postgres.dsn_of("behind"))
        run("migrate", DATABASE_URL=postgres.dsn_of("behind"))
        after = run("migrate", "--check", DATABASE_URL=postgres.dsn_of("behind"))
        connection.execute("DROP DATABASE behind WITH (FORCE)")
    assert 1 == before.exit_code
    assert before.output.startswith("Error: the database lacks 0001.core, ")
    assert (0, "the database is of this release's shape\n") == (after.exit_code, after.output)


def test_migrate_check_waits_no_longer_than_it_is_told(run):
    done = run("migrate", "--check", DATABASE_URL="postgresql://somebody:hush@127.0.0.1:1/feedline")
    assert 1 == done.exit_code
    assert done.output.startswith("Error: Postgres cannot be reached: ")
    assert "hush" not in done.output


def test_a_command_reads_the_database_from_a_file(run, postgres, tmp_path):
    (tmp_path / "address").write_text(f"{postgres.dsn}\n")
    done = run("migrate", "--check", DATABASE_URL="", DATABASE_URL_FILE=str(tmp_path / "address"))
    assert done.output.startswith("Error: the database lacks 0001.core, ")


@pytest.mark.parametrize(("trouble", "code"), [(None, 0), ("postgres: away", 1)])
async def test_a_probe_says_what_the_process_says(run, trouble, code):
    runner = web.AppRunner(monitor.application(alive=lambda: None, ready=lambda: trouble))
    await runner.setup()
    port = str(free_port())
    await web.TCPSite(runner, "127.0.0.1", int(port)).start()
    alive = await asyncio.to_thread(run, "probe", MONITOR_PORT=port)
    ready = await asyncio.to_thread(run, "probe", "--ready", "--port", port)
    await runner.cleanup()
    gone = await asyncio.to_thread(run, "probe", "--port", port)
    assert (0, '{"status": "ok"}\n') == (alive.exit_code, alive.output)
    assert code == ready.exit_code
    assert (trouble or "ok") in ready.output
    assert (1, True) == (gone.exit_code, gone.output.startswith(f"Error: nobody answers on port {port}: "))


def test_migrate_without_a_database_names_the_variable(run):
    done = run("migrate", DATABASE_URL="")
    assert 2 == done.exit_code
    assert "DATABASE_URL" in done.output


def test_migrate_tells_why_the_database_cannot_be_reached_without_its_password(run):
    done = run("migrate", DATABASE_URL="postgresql://somebody:hush@127.0.0.1:1/feedline")
    assert 1 == done.exit_code
    assert done.output.startswith("Error: DATABASE_URL: ")
    assert "hush" not in done.output


def test_a_command_loads_what_it_needs_alone():
    loaded = "import deploy.command.main as m, sys; m.main.get_command(None, 'probe'); print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True).stdout.split()
    assert "deploy.command.probe" in modules
    assert [] == [name for name in modules if name.partition(".")[0] in ("ingest", "workers", "schemas", "aiohttp")]


def test_settings_are_listed_with_their_defaults(run):
    assert "EDGE_PROCESSES\n    edge processes that the local stack starts\n    default: 1\n" in run("settings").output


@pytest.mark.parametrize("command", ["run", "edge", "api", "pull", "worker", "migrate", "probe", "settings"])
def test_every_command_explains_itself(run, command):
    done = run(command, "--help")
    assert 0 == done.exit_code
    assert "Usage:" in done.output
