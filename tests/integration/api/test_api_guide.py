"""The guide's shell lines, each extracted and run against the real processes; its tables against the types."""

import asyncio
import os
import re
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import psycopg
import pytest

from schemas.items import ATTRIBUTES
from schemas.secrets import new_token, token_digest
from tests.worker import Worker as Process

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "api.md").read_text()
BLOCKS = [
    (int(match["status"] or 0), match["text"])
    for match in re.finditer(r"^```sh(?: status=(?P<status>\d+))?\n(?P<text>.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
]
ROLES = {"edge": ("ingest", "edge"), "api": ("ingest", "api"), "worker": ("workers",)}
PRELUDE = """
set -euo pipefail
curl() { command curl -sS --fail-with-body --max-time 120 --write-out '%{stderr}%{http_code}\\n' "$@"; }
test -e "$STATE" && source "$STATE"
remember() { declare -p | grep -E '^declare -[-x]+ [A-Z_]+=' | grep -vE ' (BASH|PATH|SHELLOPTS)'; declare -f; }
trap 'remember > "$STATE"' EXIT
"""
"""What a block finds: curl that tells its status and fails on a problem, and the variables of the blocks before it."""


@asynccontextmanager
async def running(warm, settings, role, **more):
    """Run one role as a process of its own; gives the addresses that it announces. `more` goes into its environment."""
    environment = {
        **os.environ,
        "DATABASE_URL": settings.dsn,
        "AMQP_URL": settings.amqp,
        "SECRET_KEY": settings.key.decode(),
        **dict.fromkeys(("PORT", "API_PORT", "MONITOR_PORT"), "0"),
        "REPLY_TIMEOUT_MS": "120000",  # a machine that is busy with other work is no fault of the guide
        **more,
    }
    process = Process(await warm.start(ROLES[role], environment))
    try:
        yield await process.event("listening")
    finally:
        status = await process.stop()
    assert 0 == status


@pytest.fixture
async def environment(settings, tmp_path, warm):
    """The whole road running, and what the guide's reader has: two addresses and a token."""
    token, operator = new_token(), new_token()
    with psycopg.connect(settings.dsn, autocommit=True) as connection:
        account = connection.execute("INSERT INTO accounts (name) VALUES ('reader') RETURNING id").fetchone()[0]
        for made, scope in ((token, "admin"), (operator, "operator")):
            connection.execute(
                "INSERT INTO api_tokens (account_id, name, scope, token_hash) VALUES (%s, 'guide', %s, %s)",
                [account, scope, token_digest(made)],
            )
    async with AsyncExitStack() as stack:
        listening = {"edge": await stack.enter_async_context(running(warm, settings, "edge"))}
        edge = {"EDGE_URL": listening["edge"]["url"]}
        for role in ("api", "worker"):
            listening[role] = await stack.enter_async_context(running(warm, settings, role, **edge))
        yield {
            "PATH": os.environ["PATH"],
            "API_URL": listening["api"]["url"],
            "EDGE_URL": listening["edge"]["url"],
            "TOKEN": token,
            "OPERATOR_TOKEN": operator,
            "STATE": str(tmp_path / "state"),
        }


async def test_every_line_of_the_guide_works(environment):
    assert len(BLOCKS) > 10

    for status, text in BLOCKS:
        process = await asyncio.create_subprocess_exec(
            *("bash", "-c", PRELUDE + text),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate()

        statuses = re.findall(rb"^(\d{3})$", errors, re.MULTILINE)
        if status:
            assert [str(status).encode()] == statuses, (text, output, errors)
        else:
            assert 0 == process.returncode, (text, output, errors)
            assert all(code.startswith(b"2") for code in statuses), (text, statuses)
            assert statuses or "curl" not in text, text


def test_the_guide_names_every_attribute_of_an_item():
    assert [] == [name for name in ATTRIBUTES if f"`{name}`" not in GUIDE]
