"""The command line as operators use it."""

from __future__ import annotations

import psycopg
import pytest
from click.testing import CliRunner

from deploy.command.main import main


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


def test_migrate_without_a_database_names_the_variable(run):
    done = run("migrate", DATABASE_URL="")
    assert 2 == done.exit_code
    assert "DATABASE_URL" in done.output


def test_migrate_tells_why_the_database_cannot_be_reached_without_its_password(run):
    done = run("migrate", DATABASE_URL="postgresql://somebody:hush@127.0.0.1:1/feedline")
    assert 1 == done.exit_code
    assert done.output.startswith("Error: DATABASE_URL: ")
    assert "hush" not in done.output


def test_settings_are_listed_with_their_defaults(run):
    assert "EDGE_PROCESSES\n    edge processes that the local stack starts\n    default: 1\n" in run("settings").output


@pytest.mark.parametrize("command", ["run", "edge", "api", "pull", "worker", "migrate", "settings"])
def test_every_command_explains_itself(run, command):
    done = run(command, "--help")
    assert 0 == done.exit_code
    assert "Usage:" in done.output
