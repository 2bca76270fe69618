"""`feedline secrets rotate`, and an API that lacks the key which encrypted what is stored."""

from __future__ import annotations

import asyncio

import psycopg
from aiohttp.test_utils import TestClient, TestServer
from click.testing import CliRunner
from pydantic import SecretStr

from deploy.command.main import main
from ingest.api.app import application
from schemas.secrets import Vault, token_digest

OLD, NEW = "o" * 32, "n" * 32
TOKEN = "feedline_test"
ADDRESS = {"resourceLocation": "https://user:hush@vendor.example/stock.csv"}


def seeded(dsn: str) -> int:
    """Store a pulled feed whose address was encrypted with the old key; returns its id."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("INSERT INTO accounts (name) VALUES ('one')")
        connection.execute("INSERT INTO dropship_providers (account_id, name) VALUES (1, 'vendor')")
        connection.execute(
            "INSERT INTO api_tokens (account_id, name, scope, token_hash) VALUES (1, 'test', 'admin', %s)",
            [token_digest(TOKEN)],
        )
        row = connection.execute(
            "INSERT INTO inventory_feeds (account_id, dropship_provider_id, name, resource_type, hash, secrets)"
            " VALUES (1, 1, 'stock', 'ftpCsv', 'h', %s) RETURNING id",
            [Vault(OLD.encode()).encrypt(ADDRESS)],
        ).fetchone()
    return row[0]


def rotate(dsn: str, keys: str):
    return CliRunner().invoke(main, ["secrets", "rotate"], env={"DATABASE_URL": dsn, "SECRET_KEY": keys})


def test_rotation_encrypts_what_is_stored_with_the_first_key_once(database):
    feed_id = seeded(database)
    first, second = rotate(database, f"{NEW},{OLD}"), rotate(database, f"{NEW},{OLD}")
    with psycopg.connect(database) as connection:
        (stored,) = connection.execute("SELECT secrets FROM inventory_feeds WHERE id = %s", [feed_id]).fetchone()

    assert "inventory_feeds: 1 re-encrypted\nendpoints: 0 re-encrypted\n" == first.output
    assert "inventory_feeds: 0 re-encrypted\nendpoints: 0 re-encrypted\n" == second.output
    assert ADDRESS == Vault(NEW.encode()).decrypt(stored)


def test_rotation_without_the_old_key_changes_nothing_and_says_so(database):
    seeded(database)
    done = rotate(database, NEW)

    assert 1 == done.exit_code
    assert done.output.startswith("Error: stored credentials cannot be decrypted with this SECRET_KEY")


async def test_an_api_with_a_wrong_key_says_so_instead_of_failing(settings):
    feed_id = await asyncio.to_thread(seeded, settings.dsn)
    wrong = settings.model_copy(update={"secret_key": SecretStr(NEW)})
    async with TestClient(TestServer(application(wrong))) as client:
        answer = await client.put(
            f"/api/inventory-feeds/{feed_id}.json",
            json={"name": "renamed"},
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        problem = await answer.json()

    assert (503, "api.secret_key") == (answer.status, problem["title"])
    assert "SECRET_KEY" in problem["detail"]
