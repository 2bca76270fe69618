"""Commands that need Postgres, when it is away or not theirs: one line that says so, whatever asyncpg raises."""

from unittest.mock import patch

import asyncpg
import pytest
from click.testing import CliRunner

from deploy.command.main import main
from schemas.postgres import Session

URL = "postgresql://somebody:hush@db.example/feedline"
ENVIRONMENT = {"DATABASE_URL": URL, "AMQP_URL": "amqp://mq.example/", "SECRET_KEY": "k" * 32}


@pytest.fixture(autouse=True)
def _logs_stay(monkeypatch):
    """A command sets up the logs of its process; this one is the tests' own, and others look at what is logged."""
    monkeypatch.setattr("schemas.logs.configure", lambda *_: None)


@pytest.mark.parametrize("command", [("shards",), ("top", "--once")], ids=lambda command: command[0])
@pytest.mark.parametrize(
    ("error", "told"),
    [
        (TimeoutError(), "Postgres cannot be reached: no answer in time"),
        (OSError("connection refused"), "Postgres cannot be reached: connection refused"),
        (asyncpg.ConnectionDoesNotExistError("closed meanwhile"), "Postgres cannot be reached: closed meanwhile"),
        (asyncpg.InvalidPasswordError("wrong password"), "Postgres refuses: wrong password"),
        (asyncpg.InvalidCatalogNameError("no such database"), "Postgres refuses: no such database"),
        (
            asyncpg.UndefinedTableError("there is no shard_splits"),
            "the database is not of this release, there is no shard_splits: run `feedline migrate`",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_command_says_in_one_line_why_it_cannot_work(command, error, told):
    with patch.object(Session, "open", side_effect=error):
        done = CliRunner().invoke(main, command, env=ENVIRONMENT)

    assert (1, f"Error: {told}\n") == (done.exit_code, done.output)
